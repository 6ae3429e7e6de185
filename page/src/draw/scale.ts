// Axes: from values to pixels and back, and which values to label.

import type { Scalar } from "../documents";
import { duration, number, scalar, thousands } from "../format";

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
  /** Whether it has seconds, which are labelled as times. */
  clock?: boolean;
  /** From 0 at the low end to 1 at the high end. */
  share: (value: number) => number;
  value: (share: number) => number;
}

/** Farther from 0, the difference of two values would not be finite. */
const FARTHEST = 8e307;
/** The logarithms of the least and of the largest value above 0 that have all their digits. */
const [LEAST, MOST] = [Math.log(3e-308), Math.log(1e308)];

/** An axis from `low` to `high`, a little wider; logarithmic only if all values are above 0. */
export function scale(low: number, high: number, log: boolean, names: readonly Scalar[] | null = null, margin = 0.04): Scale {
  if (names) return places(names);
  const bent = log && low > 0;
  const [least, most] = bent ? [LEAST, MOST] : [-FARTHEST, FARTHEST];
  const inside = (value: number) => Math.min(most, Math.max(least, value));
  let [from, to] = (bent ? [Math.log(low), Math.log(high)] : [low, high]).map(inside) as [number, number];
  if (!(to > from)) [from, to] = [from - (Math.abs(from) || 1) * 0.05, to + (Math.abs(to) || 1) * 0.05];
  const spare = (to - from) * margin;
  [from, to] = [inside(from - spare), inside(to + spare)];
  const out = (value: number) => (bent ? Math.exp(value) : value);
  // So that the differences of very large values are finite.
  const part = Math.max(Math.abs(from), Math.abs(to)) > 1e300 ? 0.25 : 1;
  return {
    low: out(from), high: out(to), log: bent, names: null,
    share: (value) => ((bent ? Math.log(value) : value) * part - from * part) / (to * part - from * part),
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
export function ticks({ low, high, log, names, whole, clock }: Scale, many: number): Tick[] {
  if (names) return names.map((name, value) => ({ value, text: scalar(name) }));
  const all = log ? powers(low, high, many) : steps(low, high, many);
  const times = clock && !log ? timesOf(low, high, many) : [];
  if (times.length > 1) return times.map((value) => ({ value, text: value === 0 ? "0 s" : duration(value) }));
  const found = whole ? all.filter(Number.isInteger) : all;
  const digits = digitsOf(found);
  return found.map((value) => ({ value, text: short(value, digits) }));
}

/** The significant digits with which neighbours differ. */
function digitsOf([first = 0, second = first, ...others]: readonly number[]): number {
  if (first === second) return 4;
  const most = Math.max(...[first, second, ...others].map(Math.abs));
  return Math.min(12, Math.max(3, Math.floor(Math.log10(most)) - Math.floor(Math.log10(Math.abs(second - first)) + 1e-9) + 1));
}

const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];

/** About `many` round times, in seconds; none if they are parts of a second. */
export function timesOf(low: number, high: number, many: number): number[] {
  const raw = (high - low) / Math.max(1, many);
  if (!(raw > 0.5)) return [];
  const step = TIMES.find((each) => each >= raw) ?? 86400 * Math.ceil(raw / 86400);
  const first = Math.max(0, Math.ceil(low / step));
  return Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, index) => (first + index) * step);
}

/** A number as short as it can be, for the little room beside an axis: 0.0001 is 1e−4. Whole numbers below a million are as in texts. */
function short(value: number, digits: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size >= 1e3 && size < 1e6) return `${value < 0 ? "−" : ""}${thousands(size)}`;
  const usual = number(value, digits);
  if (value === 0 || !Number.isFinite(value) || usual.length < 6) return usual;
  const [mantissa = "", exponent = ""] = value.toExponential(digits - 1).split("e");
  const raised = `${Number(mantissa)}e${Number(exponent)}`.replace(/-/g, "−");
  return raised.length < usual.length ? raised : usual;
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

/** The powers of ten, with as many of their multiples between them as there is room for. */
function powers(low: number, high: number, many: number): number[] {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = (step: number, parts: readonly number[]) =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index)
      .filter((power) => power % step === 0)
      .flatMap((power) => parts.map((part) => Number(`${part}e${power}`)))
      .filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
  const choices = [every(1, [1, 2, 5]), every(1, [1, 3]), every(1, [1]), ...[2, 3, 5, 10, 20, 50, 100, 200, 500].map((step) => every(step, [1]))];
  const found = choices.find((each) => each.length <= Math.max(2, many)) ?? [];
  return found.length > 1 ? found : steps(low, high, many);
}
