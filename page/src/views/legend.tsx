// Which colour is which kind of trial, of those that there are.

import { useMemo } from "preact/hooks";
import { kindsOf, MISSES } from "../data/best";
import type { Followed } from "../data/follow";
import { STATES } from "../data/trials";
import { State } from "../parts/state";

/** `best` names what has the colour of the best; `rows` are those that are drawn, all unless given. */
export function Legend({ followed: { trials, version, experiment }, best, rows }: { followed: Followed; best?: string | undefined; rows?: readonly number[] }) {
  const { constraints } = experiment.spec;
  const found = useMemo(() => {
    const kinds = kindsOf(trials, constraints);
    return new Set(rows ? rows.map((row) => kinds[row]) : kinds);
  }, [trials, version, constraints, rows]);
  return (
    <span class="legend">
      {best && <span class="state best">{best}</span>}
      {STATES.map((state, kind) => found.has(kind) && <State key={state} state={state} />)}
      {found.has(MISSES) && <span class="state misses">misses a constraint</span>}
    </span>
  );
}
