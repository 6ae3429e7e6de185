// Which trials are in sight: those that an expression and all brushes let through.

import type { Scalar } from "../documents";
import type { Dimension } from "./dimensions";
import { groupsOf, written, Wrong, type Sign, type Term, type Word } from "./terms";
import { STATES, type Trials } from "./trials";

/** From `low` to `high` on a dimension, both included. */
export interface Brush {
  low: number;
  high: number;
}

export type Brushes = ReadonlyMap<string, Brush>;
export type Test = (row: number) => boolean;

/** How many values an explanation names. */
const NAMED = 6;

/**
 * The test that a text means, such as `state=complete loss<0.2 optimizer=adam,"a b" or pruned`: all terms of one of
 * the groups between `or` must hold. A word alone is a state, the number of a trial, or a part of a
 * hyperparameter's name value. Returns a text if it is wrong.
 */
export function test(text: string, trials: Trials, dimensions: readonly Dimension[]): Test | string {
  try {
    const groups = groupsOf(text).map((group) => group.map((term) => one(term, trials, dimensions)));
    return (row) => groups.some((group) => group.every((each) => each(row)));
  } catch (fault) {
    if (fault instanceof Wrong) return fault.message;
    throw fault;
  }
}

function one(term: Term, trials: Trials, dimensions: readonly Dimension[]): Test {
  if (term.name === null) return word(term.word, trials, dimensions);
  const { name, sign, values } = term;
  if (name.text.toLowerCase() === "state" && !name.quoted) return ofStates(sign, values, trials);
  const dimension = named(name.text, dimensions);
  if (!dimension) throw new Wrong(`${name.text} is no hyperparameter or value here`);
  const tests = values.map((value) => (isLack(value, dimension) ? ofLack(dimension, sign) : ofValue(dimension, sign, value.text)));
  return sign === "!=" ? (row) => tests.every((each) => each(row)) : (row) => tests.some((each) => each(row));
}

function named(name: string, dimensions: readonly Dimension[]): Dimension | undefined {
  return dimensions.find((each) => each.label === name) ?? dimensions.find((each) => same(each.label, name));
}

/** Text as it can be typed: a field has one line, and people do not mind capitals. */
function plain(value: unknown): string {
  return String(value).replace(/\s+/g, " ").toLowerCase();
}

function same(one: unknown, other: string): boolean {
  return plain(one) === plain(other);
}

function codeOf(text: string): number {
  return STATES.findIndex((state) => same(state, text) || (state === "FAIL" && same("failed", text)));
}

function ofStates(sign: Sign, values: readonly Word[], trials: Trials): Test {
  const codes = values.map(({ text }) => {
    const code = codeOf(text);
    if (code < 0) throw new Wrong(`${text} is no state: use one of ${STATES.join(", ").toLowerCase()}`);
    return code;
  });
  if (sign === "=") return (row) => codes.includes(trials.state[row] ?? NaN);
  if (sign === "!=") return (row) => !codes.includes(trials.state[row] ?? NaN);
  throw new Wrong("use state= or state!=");
}

/** Whether a word means the trials that have no value. A choice of that name comes first. */
function isLack({ text, quoted }: Word, { names }: Dimension): boolean {
  return !quoted && /^(null|none|nan)$/i.test(text) && !names?.some((name) => same(name, text));
}

function ofLack({ at, label }: Dimension, sign: Sign): Test {
  if (sign === "=") return (row) => Number.isNaN(at(row));
  if (sign === "!=") return (row) => !Number.isNaN(at(row));
  throw new Wrong(`use ${written(label)}=null or ${written(label)}!=null`);
}

function ofValue(dimension: Dimension, sign: Sign, text: string): Test {
  const { names, at } = dimension;
  if (names === null) return ofNumber(dimension, sign, text);
  // Choices that are all numbers are compared as numbers.
  if (!names.every((name) => typeof name === "number")) return ofName(dimension, names, sign, text);
  return ofNumber({ ...dimension, at: (row) => (names[at(row)] as number | undefined) ?? NaN }, sign, text);
}

function ofName({ at, label }: Dimension, names: readonly Scalar[], sign: Sign, text: string): Test {
  if (sign !== "=" && sign !== "!=") throw new Wrong(`use ${written(label)}= or ${written(label)}!=: it has names`);
  const exact = placesOf(names, (name) => String(name) === text);
  const places = exact.size ? exact : placesOf(names, (name) => same(name, text));
  if (places.size === 0) throw new Wrong(`${label} has no value ${written(text)}: use one of ${someOf(names)}`);
  return sign === "=" ? (row) => places.has(at(row)) : (row) => !places.has(at(row));
}

function placesOf(names: readonly Scalar[], fits: (name: Scalar) => boolean): Set<number> {
  return new Set(names.flatMap((name, place) => (fits(name) ? [place] : [])));
}

function someOf(names: readonly Scalar[]): string {
  return [...names.slice(0, NAMED).map(written), ...(names.length > NAMED ? ["…"] : [])].join(", ");
}

/** A number as people write it or copy it from the page, which has a minus of its own. */
function numberOf(text: string): number {
  const common = text.trim().replace("−", "-").replace(/^([+-]?)(∞|inf(inity)?)$/i, "$1Infinity");
  return common === "" ? NaN : Number(common);
}

function ofNumber({ at, label }: Dimension, sign: Sign, text: string): Test {
  const value = numberOf(text);
  if (Number.isNaN(value)) throw new Wrong(`${text} is no number for ${label}`);
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
    case "!=":
      return (row) => at(row) !== value;
  }
}

function word({ text, quoted }: Word, trials: Trials, dimensions: readonly Dimension[]): Test {
  if (!quoted && /^#?\d+$/.test(text)) {
    const number = Number(text.replace("#", ""));
    if (number >= trials.count) throw new Wrong(`there is no trial ${number}`);
    return (row) => row === number;
  }
  const code = quoted ? -1 : codeOf(text);
  if (code >= 0) return (row) => trials.state[row] === code;
  const found = dimensions.flatMap(({ at, names }) => {
    const places = placesOf(names ?? [], (name) => plain(name).includes(plain(text)));
    return places.size ? [{ at, places }] : [];
  });
  if (found.length > 0) return (row) => found.some(({ at, places }) => places.has(at(row)));
  const dimension = named(text, dimensions);
  if (dimension) throw new Wrong(`compare ${written(dimension.label)} with a value, as in ${written(dimension.label)}${dimension.names ? `=${written(dimension.names[0] ?? "")}` : "<1"}`);
  throw new Wrong(`${text} is neither a state nor a part of any value here`);
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
