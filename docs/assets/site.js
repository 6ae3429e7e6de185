// A table or a block of code that is wider than its place scrolls by itself, also by the keyboard.
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) {
      target.tabIndex = 0;
    } else {
      target.removeAttribute("tabindex");
    }
  }
});
const observe = () => {
  for (const wide of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code")) {
    sizes.observe(wide);
  }
};
// The theme wraps tables later than this.
new MutationObserver(observe).observe(document.body, { childList: true, subtree: true });
observe();
