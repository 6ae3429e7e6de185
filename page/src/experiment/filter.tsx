// The line between views and table: an expression, and the brushes that are set.

import type { ComponentChildren } from "preact";
import { shown, type Dimension } from "../data/dimensions";
import type { Brush, Brushes } from "../data/filter";

/** Escape empties the field first, in every browser, and does nothing else then. */
function emptied(event: KeyboardEvent, text: string, setText: (text: string) => void) {
  if (event.key !== "Escape" || text === "") return;
  event.preventDefault();
  event.stopPropagation();
  setText("");
}

export function Filter({ text, setText, wrong, brushes, setBrushes, top, clearTop, dimensions, example, summary, children }: {
  text: string; setText: (text: string) => void; wrong: string | null; brushes: Brushes;
  setBrushes: (changes: readonly (readonly [string, Brush | null])[]) => void; top: number | null; clearTop: () => void; dimensions: readonly Dimension[]; example: string; summary: string;
  /** What is at the end of the line. */
  children: ComponentChildren;
}) {
  return (
    <div class="tools filter">
      <input type="search" class="find" aria-label="Filter trials" placeholder={`Filter: state=complete ${example}`} spellcheck={false}
        value={text} aria-invalid={wrong !== null} aria-describedby="filter-fault" onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => emptied(event, text, setText)} />
      <span id="filter-fault" class="wrong" role="status">{wrong}</span>
      {[...brushes].map(([id, brush]) => {
        const dimension = dimensions.find((each) => each.id === id);
        return dimension && <Chip key={id} dimension={dimension} brush={brush} remove={() => setBrushes([[id, null]])} />;
      })}
      {top !== null && <button type="button" class="chip brush" aria-label={`Show more than the best ${top}`} onClick={clearTop}>best {top} <span aria-hidden="true">×</span></button>}
      {brushes.size + (top === null ? 0 : 1) > 1 && <button type="button" class="plain" onClick={() => (setBrushes([...brushes.keys()].map((id) => [id, null])), clearTop())}>Clear all</button>}
      <span class="faint end" role="status">{summary}</span>
      {children}
    </div>
  );
}

function Chip({ dimension, brush, remove }: { dimension: Dimension; brush: Brush; remove: () => void }) {
  const text = `${dimension.label} ${range(dimension, brush)}`;
  return <button type="button" class="chip brush" aria-label={`Remove the brush ${text}`} onClick={remove}>{text} <span aria-hidden="true">×</span></button>;
}

function range(dimension: Dimension, { low, high }: Brush): string {
  if (!dimension.names) return `${shown(dimension, low)} … ${shown(dimension, high)}`;
  return dimension.names.filter((_, place) => place >= low && place <= high).map(String).join(", ") || "none";
}
