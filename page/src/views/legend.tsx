// Which colour is which state, of the states that there are.

import { useMemo } from "preact/hooks";
import { STATES, type Trials } from "../data/trials";
import { State } from "../parts/state";

export function Legend({ trials, version }: { trials: Trials; version: number }) {
  const found = useMemo(() => new Set(trials.state.subarray(0, trials.count)), [trials, version]);
  return <span class="legend">{STATES.map((state, code) => found.has(code) && <State key={state} state={state} />)}</span>;
}
