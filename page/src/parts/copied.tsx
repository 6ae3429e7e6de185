// A command line, or another text, with a button that copies it.

import { useState } from "preact/hooks";

export function Copied({ text, name = "Command" }: { text: string; name?: string }) {
  const [done, set] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    set(true);
    setTimeout(() => set(false), 1500);
  };
  return (
    <div class="copied">
      <pre tabIndex={0} aria-label={name}>{text}</pre>
      {navigator.clipboard && <button type="button" aria-label={name === "Command" ? `Copy: ${text.split("\n", 1)[0]}` : `Copy: ${name}`} onClick={copy}>{done ? "copied" : "copy"}</button>}
    </div>
  );
}
