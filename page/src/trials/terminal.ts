// What a terminal would show of a training's output.

// Control sequences (colours, the cursor), titles and links, and other escapes: ECMA-48.
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/g;

/** The text without colours, and of a line that a progress bar writes again and again, the last state. */
export function shown(output: string): string {
  return output
    .replace(ESCAPES, "")
    .replace(CONTROLS, "")
    .split("\n")
    .map(last)
    .join("\n");
}

/** What is left of a line after its carriage returns. */
function last(line: string): string {
  if (!line.includes("\r")) return line;
  const parts = line.split("\r").filter((part) => part !== "");
  return parts[parts.length - 1] ?? "";
}
