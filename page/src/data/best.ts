// The best so far, and which trials are the best.

import type { Constraint, Objective, Spec } from "../documents";
import { COMPLETE, STATES, type Trials } from "./trials";

/** The kind of trials that are COMPLETE and miss a constraint, beside the states. */
export const MISSES = STATES.length;

/** 1 to minimize, −1 to maximize: a value times this is a loss. */
export function signOf(objective: Objective): number {
  return objective.direction === "minimize" ? 1 : -1;
}

/** Whether a row is COMPLETE, has the metric, and meets the constraints. */
export function counts(trials: Trials, spec: Spec, metric: string): (row: number) => boolean {
  const column = trials.values.get(metric);
  return (row) => trials.state[row] === COMPLETE && !Number.isNaN(column?.data[row] ?? NaN) && feasible(trials, spec.constraints, row);
}

export function feasible(trials: Trials, constraints: readonly Constraint[], row: number): boolean {
  return constraints.every(({ metric, min, max }) => {
    const value = trials.values.get(metric)?.data[row] ?? NaN;
    return value >= (min ?? -Infinity) && value <= (max ?? Infinity);
  });
}

/** What each row is in a picture: its state, or `MISSES`. */
export function kindsOf(trials: Trials, constraints: readonly Constraint[]): Uint8Array {
  const states = trials.state.subarray(0, trials.count);
  if (constraints.length === 0) return states;
  return states.map((state, row) => (state === COMPLETE && !feasible(trials, constraints, row) ? MISSES : state));
}

/** The best `many` of the rows, in order of number. Of equal values the first rows come first. */
export function top(trials: Trials, spec: Spec, objective: Objective, rows: Int32Array, many: number): Int32Array {
  const data = trials.values.get(objective.metric)?.data ?? new Float64Array();
  const sign = signOf(objective);
  const known = rows.filter(counts(trials, spec, objective.metric));
  known.sort((a, b) => sign * ((data[a] ?? 0) - (data[b] ?? 0)) || a - b);
  return known.subarray(0, many).sort();
}

/** The rows at which the best value got better, in the order of `rows`; by number unless given. */
export function improvements(trials: Trials, spec: Spec, objective: Objective, rows?: Int32Array): number[] {
  const fit = counts(trials, spec, objective.metric);
  const data = trials.values.get(objective.metric)?.data ?? new Float64Array();
  const sign = signOf(objective);
  const found: number[] = [];
  let best = Infinity;
  const many = rows?.length ?? trials.count;
  for (let place = 0; place < many; place += 1) {
    const row = rows ? (rows[place] ?? 0) : place;
    const loss = sign * (data[row] ?? NaN);
    if (loss < best && fit(row)) {
      best = loss;
      found.push(row);
    }
  }
  return found;
}
