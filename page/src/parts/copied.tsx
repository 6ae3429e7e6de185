// A command line with a button that copies it.

import { useState } from "preact/hooks";

export function Copied({ text }: { text: string }) {
  const [done, set] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    set(true);
    setTimeout(() => set(false), 1500);
  };
  return (
    <div class="copied">
      <pre tabIndex={0} aria-label="Command">{text}</pre>
      {navigator.clipboard && <button type="button" aria-label={`Copy: ${text}`} onClick={copy}>{done ? "copied" : "copy"}</button>}
    </div>
  );
}
