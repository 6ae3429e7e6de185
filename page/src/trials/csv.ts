// Trials as CSV (RFC 4180), with the columns of `tunelet export` that the page knows, from what it holds.

import { feasible } from "../data/best";
import { attributesOf, hyperparametersOf, seconds, valuesOf, type Dimension } from "../data/dimensions";
import { COMPLETE, STATES, type Trials } from "../data/trials";
import type { Scalar, Spec } from "../documents";

interface Column {
  name: string;
  /** The cell of a row as it is written. */
  cell: (row: number) => string;
}

/** So many rows are one piece of the file. */
const PIECE = 5_000;

const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-][0-9.]+([eE][+-]?[0-9]+)?$/;

/** The rows in their order, after a line of names, in pieces. What a trial lacks is empty. Times are UTC. */
export function csv(trials: Trials, spec: Spec, rows: Int32Array): string[] {
  const columns = columnsOf(trials, spec);
  const pieces = [line(columns.map(({ name }) => text(name)))];
  for (let first = 0; first < rows.length; first += PIECE) {
    let piece = "";
    for (const row of rows.subarray(first, first + PIECE)) piece += line(columns.map(({ cell }) => cell(row)));
    pieces.push(piece);
  }
  return pieces;
}

function columnsOf(trials: Trials, spec: Spec): Column[] {
  const { state, attempt, created, started, finished, earlier, retries } = trials;
  return [
    { name: "number", cell: String },
    { name: "state", cell: (row) => STATES[state[row] ?? 0] ?? "" },
    { name: "attempt", cell: (row) => figure(attempt[row]) },
    { name: "created_at", cell: (row) => time(created[row]) },
    { name: "started_at", cell: (row) => time(started[row]) },
    { name: "finished_at", cell: (row) => time(finished[row]) },
    { name: "seconds", cell: (row) => figure((seconds(trials, row) || 0) + (earlier.get(row) ?? 0)) },
    { name: "retry_of", cell: (row) => figure(retries.get(row)) },
    ...(spec.constraints.length ? [{ name: "feasible", cell: (row: number) => (state[row] === COMPLETE ? `${feasible(trials, spec.constraints, row)}` : "") }] : []),
    ...hyperparametersOf(trials, spec).map((each) => of("hyperparameters.", each)),
    ...valuesOf(trials, spec).map((each) => of("values.", each)),
    ...attributesOf(trials).map((each) => of("", each)),
  ];
}

function of(kind: string, { label, at, names }: Dimension): Column {
  const cells = names?.map(scalar);
  return { name: `${kind}${label}`, cell: cells ? (row) => cells[at(row)] ?? "" : (row) => figure(at(row)) };
}

function scalar(value: Scalar): string {
  return typeof value === "string" ? text(value) : JSON.stringify(value);
}

function figure(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? "" : String(value);
}

/** A text that a spreadsheet would take for a formula has an apostrophe before it; control characters are written out. */
function text(value: string): string {
  const shown = value.replace(CONTROL, (found) => `\\x${found.charCodeAt(0).toString(16).padStart(2, "0")}`);
  const harmless = FORMULA.test(shown) && !NUMBER.test(shown) ? `'${shown}` : shown;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** Seconds as a time with microseconds. */
function time(given: number | undefined): string {
  if (given === undefined || Number.isNaN(given)) return "";
  // The fraction alone is exact: of the whole number a double has hardly the microseconds.
  const whole = Math.floor(given);
  const micros = Math.round((given - whole) * 1e6);
  const seconds = new Date((whole + Math.floor(micros / 1e6)) * 1e3).toISOString().slice(0, 19);
  return `${seconds}.${String(micros % 1e6).padStart(6, "0")}Z`;
}

function line(cells: readonly string[]): string {
  return `${cells.join(",")}\r\n`;
}
