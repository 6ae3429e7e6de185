// The best trials of several objectives, and how much they dominate.

import type { Objective, Spec } from "../documents";
import { counts, signOf } from "./best";
import type { Trials } from "./trials";

/** Less is better. */
type Point = readonly number[];

export interface Front {
  /** The rows that no other row beats or equals in every objective, by the first objective. */
  rows: number[];
  points: Point[];
  /** The worst value in each objective of all trials that count. */
  worst: Point;
}

/** About the most points that are compared to find a volume. */
const MOST_STEPS = 3e6;

export function frontOf(trials: Trials, spec: Spec, objectives: readonly Objective[]): Front {
  const fit = objectives.map(({ metric }) => counts(trials, spec, metric));
  const columns = objectives.map((each) => [signOf(each), trials.values.get(each.metric)?.data ?? new Float64Array()] as const);
  const worst = objectives.map(() => -Infinity);
  const found: [number, Point][] = [];
  for (let row = 0; row < trials.count; row += 1) {
    if (!fit.every((counted) => counted(row))) continue;
    const point = columns.map(([sign, data]) => sign * (data[row] ?? NaN));
    point.forEach((value, place) => (worst[place] = Math.max(worst[place] ?? value, value)));
    found.push([row, point]);
  }
  found.sort(([, a], [, b]) => ordered(a, b));
  const best = objectives.length === 2 ? lowest(found) : unbeaten(found);
  return { rows: best.map(([row]) => row), points: best.map(([, point]) => point), worst };
}

/** The volume that a front dominates, up to the worst values; NaN if computing it would take long. */
export function volumeOf({ points, worst }: Front): number {
  return points.length ** (worst.length - 1) > MOST_STEPS ? NaN : hypervolume(points, worst);
}

function ordered(a: Point, b: Point): number {
  for (let place = 0; place < a.length; place += 1) {
    const difference = (a[place] ?? 0) - (b[place] ?? 0);
    if (difference) return difference;
  }
  return 0;
}

/** Of points of two values in order: those with a lower second value than all before. */
function lowest(all: readonly [number, Point][]): [number, Point][] {
  let least = Infinity;
  return all.filter(([, [, y = NaN]]) => y < least && ((least = y), true));
}

/** Of points in order, of which none is beaten by a later one: those that no earlier one covers. */
function unbeaten(all: readonly [number, Point][]): [number, Point][] {
  const found: [number, Point][] = [];
  const seen: Point[] = [];
  for (const one of all) {
    const by = seen.findIndex((other) => covers(other, one[1]));
    if (by < 0) {
      found.push(one);
      seen.push(one[1]);
    } else if (by > 0) {
      // One that covers much is asked first.
      const [strong] = seen.splice(by, 1);
      if (strong) seen.unshift(strong);
    }
  }
  return found;
}

/** Whether `a` is no worse than `b` in every objective. */
function covers(a: Point, b: Point): boolean {
  return a.every((value, place) => value <= (b[place] ?? NaN));
}

/** The volume between the points and `worst`: what each adds to those after it (While et al., 2012). */
function hypervolume(points: readonly Point[], worst: Point): number {
  if (worst.length === 2) return area(points, worst);
  let volume = 0;
  points.forEach((point, place) => {
    const alone = worst.reduce((product, most, axis) => product * Math.max(0, most - (point[axis] ?? most)), 1);
    const shared = points.slice(place + 1).map((other) => other.map((value, axis) => Math.max(value, point[axis] ?? value)));
    const most = shared.length ? unbeaten(shared.sort(ordered).map((each) => [0, each])).map(([, each]) => each) : [];
    volume += alone - (most.length ? hypervolume(most, worst) : 0);
  });
  return volume;
}

function area(points: readonly Point[], [right = 0, top = 0]: Point): number {
  let [found, above] = [0, top];
  for (const [x = 0, y = 0] of [...points].sort(ordered)) {
    if (x >= right || y >= above) continue;
    found += (right - x) * (above - y);
    above = y;
  }
  return found;
}
