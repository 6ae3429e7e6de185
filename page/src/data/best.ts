// The best so far, and which trials are the best.

import type { Constraint, Objective, Spec } from "../documents";
import { COMPLETE, type Trials } from "./trials";

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

/** The rows that no other row beats in both objectives, by the first objective. */
export function front(trials: Trials, spec: Spec, first: Objective, second: Objective): number[] {
  const fit = counts(trials, spec, first.metric);
  const also = counts(trials, spec, second.metric);
  const loss = (objective: Objective) => {
    const data = trials.values.get(objective.metric)?.data ?? new Float64Array();
    return (row: number) => signOf(objective) * (data[row] ?? NaN);
  };
  const [x, y] = [loss(first), loss(second)];
  const rows = Array.from({ length: trials.count }, (_, row) => row).filter((row) => fit(row) && also(row));
  rows.sort((a, b) => x(a) - x(b) || y(a) - y(b));
  let least = Infinity;
  return rows.filter((row) => y(row) < least && ((least = y(row)), true));
}

/**
 * The area that a front of two objectives dominates, up to the worst values of all trials that
 * count, as a share of the rectangle between the front's best and those worst values.
 */
export function hypervolume(points: readonly (readonly [number, number])[], worst: readonly [number, number]): number {
  let area = 0;
  let above = worst[1];
  for (const [x, y] of [...points].sort((a, b) => a[0] - b[0])) {
    if (x >= worst[0] || y >= above) continue;
    area += (worst[0] - x) * (above - y);
    above = y;
  }
  return area;
}
