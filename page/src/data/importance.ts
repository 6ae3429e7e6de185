// How much each hyperparameter matters for the best values: PED-ANOVA with histograms (Watanabe,
// Bansal and Hutter, IJCAI 2023), the same as tunelet.client.importance computes.

import type { Objective } from "../documents";
import { signOf } from "./best";
import type { Dimension } from "./dimensions";
import { COMPLETE, type Trials } from "./trials";

const BEST_SHARE = 0.1;
const FEWEST = 3;
const BINS = 12;

/** Each hyperparameter's share, largest first; empty if too few trials have completed. */
export function importances(trials: Trials, rows: Int32Array, dimensions: readonly Dimension[], objective: Objective): [Dimension, number][] {
  const data = trials.values.get(objective.metric)?.data;
  if (!data) return [];
  const sign = signOf(objective);
  const known = rows.filter((row) => trials.state[row] === COMPLETE && Number.isFinite(data[row]));
  if (known.length < 2 * FEWEST) return [];
  known.sort((a, b) => sign * ((data[a] ?? 0) - (data[b] ?? 0)));
  const best = known.subarray(0, Math.max(FEWEST, Math.round(BEST_SHARE * known.length)));
  const found = dimensions.map((each): [Dimension, number] => [each, divergence(best, known, each)]);
  const total = found.reduce((sum, [, value]) => sum + value, 0);
  return total > 0 ? found.map(([each, value]): [Dimension, number] => [each, value / total]).sort((a, b) => b[1] - a[1]) : [];
}

/** Pearson's divergence of the best rows' histogram from that of all, less what chance would give. */
function divergence(best: Int32Array, known: Int32Array, dimension: Dimension): number {
  const bin = binning(known, dimension);
  const [every, good] = [counted(known, bin), counted(best, bin)];
  let found = 0;
  for (const [place, many] of every) {
    const share = many / known.length;
    found += ((good.get(place) ?? 0) / best.length / share - 1) ** 2 * share;
  }
  return Math.max(0, found - (every.size - 1) * (1 / best.length - 1 / known.length));
}

function binning(rows: Int32Array, { at, log, names, bounds }: Dimension): (row: number) => number {
  if (names) return at;
  const scaled = log ? Math.log : (value: number) => value;
  const [low, high] = (bounds ?? extent(rows, at)).map(scaled) as [number, number];
  return (row) => {
    const share = (scaled(at(row)) - low) / (high - low || 1);
    return Number.isNaN(share) ? -1 : Math.min(BINS - 1, Math.max(0, Math.floor(share * BINS)));
  };
}

/** The least and the largest finite value of the rows. */
export function extent(rows: Int32Array, at: (row: number) => number): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const row of rows) {
    const value = at(row);
    if (value < low && value > -Infinity) low = value;
    if (value > high && value < Infinity) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
}

function counted(rows: Int32Array, bin: (row: number) => number): Map<number, number> {
  const found = new Map<number, number>();
  for (const row of rows) {
    const place = bin(row);
    const key = Number.isNaN(place) ? -1 : place;
    found.set(key, (found.get(key) ?? 0) + 1);
  }
  return found;
}
