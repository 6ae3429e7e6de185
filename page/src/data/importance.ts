// How much each hyperparameter matters for the best values: PED-ANOVA with smoothed histograms (Watanabe,
// Bansal and Hutter, IJCAI 2023), the same as tunelet.client.importance computes.

import type { Objective } from "../documents";
import { signOf } from "./best";
import type { Dimension } from "./dimensions";
import { COMPLETE, type Trials } from "./trials";

/** If a tenth of all trials is less than this, up to a quarter of them count as the best. */
const ENOUGH = 12;
/** The fewest trials that count as the best. */
const FEWEST = 3;
const BINS = 24;
/** The bin of trials in which a hyperparameter is not active. */
const ABSENT = -1;

type Counts = ReadonlyMap<number, number>;

/** Each hyperparameter's share, largest first; empty if too few trials have completed, or all with the same value. */
export function importances(trials: Trials, rows: Int32Array, dimensions: readonly Dimension[], objective: Objective): [Dimension, number][] {
  const data = trials.values.get(objective.metric)?.data;
  if (!data) return [];
  const sign = signOf(objective);
  const known = rows.filter((row) => trials.state[row] === COMPLETE && Number.isFinite(data[row]));
  if (known.length < 2 * FEWEST) return [];
  known.sort((a, b) => sign * ((data[a] ?? 0) - (data[b] ?? 0)));
  if (data[known[0] ?? 0] === data[known[known.length - 1] ?? 0]) return [];
  const best = known.subarray(0, bestOf(known.length));
  const found = dimensions.map((each): [Dimension, number] => [each, divergence(best, known, each)]);
  const total = found.reduce((sum, [, value]) => sum + value, 0);
  return total > 0 ? found.map(([each, value]): [Dimension, number] => [each, value / total]).sort((a, b) => b[1] - a[1]) : [];
}

function bestOf(count: number): number {
  return Math.max(FEWEST, Math.min(ENOUGH, Math.floor(count / 4)), Math.floor(count / 10));
}

/**
 * Pearson's divergence of the density of the best rows from that of all. `prior` trials are added, evenly over the bins: a bin
 * with few trials proves little.
 */
function divergence(best: Int32Array, known: Int32Array, dimension: Dimension): number {
  const bin = binning(known, dimension);
  let [every, good]: [Counts, Counts] = [counted(known, bin), counted(best, bin)];
  let prior = every.size;
  if (!dimension.names) {
    const bandwidth = bandwidthOf(good);
    [every, good, prior] = [smooth(every, bandwidth), smooth(good, bandwidth), 1];
  }
  const added = prior / every.size;
  let found = 0;
  for (const [place, count] of every) {
    const ofAll = (count + added) / (known.length + prior);
    const ofBest = ((good.get(place) ?? 0) + added) / (best.length + prior);
    found += (ofBest / ofAll - 1) ** 2 * ofAll;
  }
  return found;
}

/** The bandwidth of Scott's rule for the numbers that are counted, in bins. */
function bandwidthOf(counts: Counts): number {
  const numbers = [...counts].filter(([place]) => place !== ABSENT);
  const total = numbers.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return 0.5;
  const mean = numbers.reduce((sum, [place, count]) => sum + place * count, 0) / total;
  const variance = numbers.reduce((sum, [place, count]) => sum + (place - mean) ** 2 * count, 0) / total;
  return Math.max(0.5, 1.059 * Math.sqrt(variance) * total ** -0.2);
}

/** Spread each count of a number over all bins by a normal distribution around its own. */
function smooth(counts: Counts, bandwidth: number): Counts {
  const spread = new Map(Array.from({ length: BINS }, (_, place) => [place, 0]));
  for (const [place, count] of counts) {
    if (place === ABSENT) {
      spread.set(place, count);
      continue;
    }
    const near = Array.from({ length: BINS }, (_, other) => Math.exp(-(((other - place) / bandwidth) ** 2) / 2));
    const whole = near.reduce((sum, part) => sum + part, 0);
    near.forEach((part, other) => spread.set(other, (spread.get(other) ?? 0) + (count * part) / whole));
  }
  return spread;
}

function binning(rows: Int32Array, { at, log, names, bounds }: Dimension): (row: number) => number {
  if (names) return at;
  const scaled = log ? Math.log : (value: number) => value;
  const [low, high] = (bounds ?? extent(rows, at)).map(scaled) as [number, number];
  return (row) => {
    const share = (scaled(at(row)) - low) / (high - low || 1);
    return Number.isNaN(share) ? ABSENT : Math.min(BINS - 1, Math.max(0, Math.floor(share * BINS)));
  };
}

/** The least and the largest finite value of the rows, or of values themselves; 0 and 1 of none. */
export function extent(rows: Iterable<number>, at: (row: number) => number = (value) => value): [number, number] {
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
    const key = Number.isNaN(place) ? ABSENT : place;
    found.set(key, (found.get(key) ?? 0) + 1);
  }
  return found;
}
