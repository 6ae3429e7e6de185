// States and progress, the same everywhere.

import { done, type Counts } from "../documents";
import { thousands } from "../format";

export function State({ state, reason }: { state: string; reason?: string | null }) {
  const word = state === "FAIL" ? "failed" : state.toLowerCase();
  return <span class={`state ${word}`} title={reason ?? undefined}>{word}</span>;
}

const PARTS = ["complete", "pruned", "failed", "stopped", "running", "waiting"] as const;

/** The budget of a study of Optuna, which has none: the largest there is. */
const NO_BUDGET = 1_000_000;

/** A bar of the trials by state, out of `most`. */
export function Progress({ counts, most }: { counts: Counts; most: number }) {
  const ended = done(counts);
  const budget = most < NO_BUDGET ? most : 0;
  const all = Math.max(budget, ended + counts.running + counts.waiting, 1);
  const words = PARTS.filter((part) => counts[part]).map((part) => `${counts[part]} ${part}`).join(", ");
  return (
    <span class="progress" title={words || "no trials yet"}>
      <svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect width="100" height="6" class="rest" />
        {bars(counts, all)}
      </svg>
      <span class="count">{thousands(ended)}{budget > 0 && <span class="faint">/<wbr />{thousands(budget)}</span>}</span>
    </span>
  );
}

function bars(counts: Counts, all: number) {
  let x = 0;
  return PARTS.map((part) => {
    const width = (counts[part] / all) * 100;
    const bar = width > 0 && <rect key={part} x={x} width={width} height="6" class={`part ${part}`} />;
    x += width;
    return bar;
  });
}
