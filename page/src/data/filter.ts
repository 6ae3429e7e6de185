// Which trials are in sight: those that an expression and all brushes let through.

import type { Dimension } from "./dimensions";
import { STATES, type Trials } from "./trials";

/** From `low` to `high` on a dimension, both included. */
export interface Brush {
  low: number;
  high: number;
}

export type Brushes = ReadonlyMap<string, Brush>;
export type Test = (row: number) => boolean;

const TERM = /^([^<>=!]+?)(<=|>=|!=|<|>|=)(.+)$/;

/**
 * The test that a text means, such as `state=complete loss<0.2 optimizer=adam`: all terms must hold.
 * A word alone is a state or a part of a hyperparameter's name value. Returns a text if it is wrong.
 */
export function test(text: string, trials: Trials, dimensions: readonly Dimension[]): Test | string {
  const terms = text.replace(/\s*(<=|>=|!=|<|>|=)\s*/g, "$1").split(/[\s,]+/).filter((word) => word && !/^(and|&&)$/i.test(word));
  const tests: Test[] = [];
  for (const term of terms) {
    const found = one(term, trials, dimensions);
    if (typeof found === "string") return found;
    tests.push(found);
  }
  return (row) => tests.every((each) => each(row));
}

function one(term: string, trials: Trials, dimensions: readonly Dimension[]): Test | string {
  const parts = TERM.exec(term);
  if (!parts) return word(term.toLowerCase(), trials, dimensions);
  const [, name = "", sign = "", value = ""] = parts;
  if (name.toLowerCase() === "state") return ofState(sign, value, trials);
  const dimension = dimensions.find((each) => each.label === name) ?? dimensions.find((each) => each.label.toLowerCase() === name.toLowerCase());
  if (!dimension) return `${name} is no hyperparameter or value here`;
  return dimension.names ? ofName(dimension, sign, value) : ofNumber(dimension, sign, value);
}

function ofState(sign: string, value: string, trials: Trials): Test | string {
  const code = STATES.findIndex((state) => state.toLowerCase() === value.toLowerCase() || (state === "FAIL" && value.toLowerCase() === "failed"));
  if (code < 0) return `${value} is no state: use one of ${STATES.join(", ").toLowerCase()}`;
  if (sign === "=") return (row) => trials.state[row] === code;
  return sign === "!=" ? (row) => trials.state[row] !== code : "use state= or state!=";
}

function ofName({ at, names, label }: Dimension, sign: string, value: string): Test | string {
  const places = new Set((names ?? []).flatMap((name, place) => (String(name).toLowerCase() === value.toLowerCase() ? [place] : [])));
  if (sign === "=") return (row) => places.has(at(row));
  return sign === "!=" ? (row) => !places.has(at(row)) : `use ${label}= or ${label}!=: it has names`;
}

function ofNumber({ at, label }: Dimension, sign: string, text: string): Test | string {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) return `${text} is no number for ${label}`;
  switch (sign) {
    case "<":
      return (row) => at(row) < value;
    case "<=":
      return (row) => at(row) <= value;
    case ">":
      return (row) => at(row) > value;
    case ">=":
      return (row) => at(row) >= value;
    case "=":
      return (row) => at(row) === value;
    default:
      return (row) => at(row) !== value;
  }
}

function word(text: string, trials: Trials, dimensions: readonly Dimension[]): Test | string {
  if (/^#?\d+$/.test(text)) return (row) => row === Number(text.replace("#", ""));
  const state = ofState("=", text, trials);
  if (typeof state !== "string") return state;
  const named = dimensions.filter((each) => each.names);
  return (row) => named.some(({ at, names }) => String(names?.[at(row)] ?? "").toLowerCase().includes(text));
}

/** The rows in sight, in order of number. */
export function rowsOf(trials: Trials, passes: Test, brushes: Brushes, dimensions: readonly Dimension[]): Int32Array {
  const ranges = dimensions.flatMap(({ id, at }) => {
    const brush = brushes.get(id);
    return brush ? [{ at, low: brush.low, high: brush.high }] : [];
  });
  const found = new Int32Array(trials.count);
  let many = 0;
  for (let row = 0; row < trials.count; row += 1) {
    if (inRanges(row, ranges) && passes(row)) found[many++] = row;
  }
  return found.slice(0, many);
}

/** The numbers from 0 to `count`. */
export function every(count: number): Int32Array {
  const rows = new Int32Array(count);
  for (let row = 0; row < count; row += 1) rows[row] = row;
  return rows;
}

/** Those of `ordered` that are among `rows`, in the order of `ordered`. */
export function among(ordered: Int32Array, rows: Int32Array): Int32Array {
  if (ordered.length === rows.length) return ordered;
  const kept = new Uint8Array(ordered.length);
  for (const row of rows) kept[row] = 1;
  return ordered.filter((row) => kept[row]);
}

function inRanges(row: number, ranges: readonly { at: (row: number) => number; low: number; high: number }[]): boolean {
  for (const { at, low, high } of ranges) {
    const value = at(row);
    if (!(value >= low && value <= high)) return false;
  }
  return true;
}
