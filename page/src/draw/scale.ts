// Axes: from values to pixels and back, and which values to label.

import type { Scalar } from "../documents";
import { number, scalar } from "../format";

export interface Tick {
  value: number;
  text: string;
}

export interface Scale {
  low: number;
  high: number;
  log: boolean;
  names: readonly Scalar[] | null;
  /** Whether only whole numbers are labelled. */
  whole?: boolean;
  /** From 0 at the low end to 1 at the high end. */
  share: (value: number) => number;
  value: (share: number) => number;
}

/** An axis from `low` to `high`, a little wider; logarithmic only if all values are above 0. */
export function scale(low: number, high: number, log: boolean, names: readonly Scalar[] | null = null, margin = 0.04): Scale {
  if (names) return places(names);
  const bent = log && low > 0;
  let [from, to] = bent ? [Math.log(low), Math.log(high)] : [low, high];
  if (!(to > from)) [from, to] = [from - (Math.abs(from) || 1) * 0.05, to + (Math.abs(to) || 1) * 0.05];
  const spare = (to - from) * margin;
  from -= spare;
  to += spare;
  const out = (value: number) => (bent ? Math.exp(value) : value);
  return {
    low: out(from), high: out(to), log: bent, names: null,
    share: (value) => ((bent ? Math.log(value) : value) - from) / (to - from),
    value: (share) => out(from + share * (to - from)),
  };
}

function places(names: readonly Scalar[]): Scale {
  const many = Math.max(1, names.length);
  return {
    low: -0.5, high: many - 0.5, log: false, names,
    share: (value) => (value + 0.5) / many,
    value: (share) => share * many - 0.5,
  };
}

/** About `many` round values inside the axis, or all its names. */
export function ticks({ low, high, log, names, whole }: Scale, many: number): Tick[] {
  if (names) return names.map((name, value) => ({ value, text: scalar(name) }));
  const all = log ? powers(low, high, many) : steps(low, high, many);
  const found = whole ? all.filter(Number.isInteger) : all;
  return found.map((value) => ({ value, text: number(value, 3) }));
}

function steps(low: number, high: number, many: number): number[] {
  const raw = (high - low) / Math.max(1, many);
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = size * ([1, 2, 5, 10].find((each) => each * size >= raw) ?? 10);
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first;
  if (!Number.isFinite(count) || count > 100) return [];
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return Array.from({ length: count + 1 }, (_, index) => Number(((first + index) * step).toFixed(Math.min(100, digits))));
}

function powers(low: number, high: number, many: number): number[] {
  const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const whole = to - from + 1;
  if (whole < 2) return steps(low, high, many);
  const each = Math.ceil(whole / Math.max(2, many));
  return Array.from({ length: Math.ceil(whole / each) }, (_, index) => Number(`1e${from + index * each}`));
}
