// All trials of an experiment as typed arrays: the row of a trial is its number.

import { measured, type Scalar, type Values } from "../documents";

/** The API's columns. */
export interface Block {
  numbers: number[];
  state_names: string[];
  states: number[];
  attempts: number[];
  created_at: number[];
  started_at: (number | null)[];
  finished_at: (number | null)[];
  /** How long earlier attempts ran, of trials that have some. */
  earlier_seconds?: Record<string, number>;
  /** Which trial a retry repeats. */
  retries?: Record<string, number>;
  hyperparameters: Record<string, Scalar[]>;
  values: Record<string, (number | string | null)[]>;
  /** By name, then by number: most trials have none. Reports of older versions lack it. */
  attributes?: Record<string, Record<string, Scalar>>;
}

/** Numbers, or places in `names`; NaN where a trial has none. */
export interface Column {
  data: Float64Array;
  names: Scalar[] | null;
}

export const STATES = ["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL", "STOPPED"] as const;
export const COMPLETE = STATES.indexOf("COMPLETE");
export const PRUNED = STATES.indexOf("PRUNED");
export const FAIL = STATES.indexOf("FAIL");

const FIRST_ROOM = 1024;

export class Trials {
  count = 0;
  state = new Uint8Array(FIRST_ROOM);
  attempt: Float64Array = filled(FIRST_ROOM);
  created: Float64Array = filled(FIRST_ROOM);
  started: Float64Array = filled(FIRST_ROOM);
  finished: Float64Array = filled(FIRST_ROOM);
  readonly hyperparameters = new Map<string, Column>();
  readonly values = new Map<string, Column>();
  /** What the training or the algorithm attached to trials. */
  readonly attributes = new Map<string, Column>();
  /** Seconds for which earlier attempts ran, of rows that have some. */
  readonly earlier = new Map<number, number>();
  /** The row that a retry repeats. */
  readonly retries = new Map<number, number>();
  private readonly unfinished = new Set<number>();

  /** `categorical`: the choices of hyperparameters whose values are names, even if all are numbers. */
  constructor(private readonly categorical: ReadonlyMap<string, readonly Scalar[]> = new Map()) {}

  /** The numbers of the trials that had not ended, in order. */
  open(): number[] {
    return [...this.unfinished].sort((a, b) => a - b);
  }

  /** Take the trials of a block. Known ones get the block's members. True if there was any. */
  put(block: Block): boolean {
    const { numbers } = block;
    if (numbers.length === 0) return false;
    const last = numbers[numbers.length - 1] ?? 0;
    this.grow(last + 1);
    this.putCommon(block);
    for (const [row, seconds] of Object.entries(block.earlier_seconds ?? {})) this.earlier.set(Number(row), seconds);
    for (const [row, of] of Object.entries(block.retries ?? {})) this.retries.set(Number(row), of);
    for (const [name, given] of Object.entries(block.hyperparameters)) this.putScalars(this.hyperparameters, name, numbers, given, this.categorical.get(name));
    for (const [name, given] of Object.entries(block.values)) this.putValues(name, numbers, given);
    for (const [name, given] of Object.entries(block.attributes ?? {})) this.putScalars(this.attributes, name, Object.keys(given).map(Number), Object.values(given));
    this.count = Math.max(this.count, last + 1);
    return true;
  }

  private putCommon(block: Block) {
    const codes = block.state_names.map((name) => STATES.indexOf(name as (typeof STATES)[number]));
    block.numbers.forEach((row, index) => {
      this.state[row] = codes[block.states[index] ?? 0] ?? 0;
      this.attempt[row] = block.attempts[index] ?? 1;
      this.created[row] = block.created_at[index] ?? NaN;
      this.started[row] = block.started_at[index] ?? NaN;
      const end = block.finished_at[index] ?? NaN;
      this.finished[row] = end;
      if (Number.isNaN(end)) this.unfinished.add(row);
      else this.unfinished.delete(row);
    });
  }

  private putValues(name: string, rows: number[], given: (number | string | null)[]) {
    const { data } = this.column(this.values, name, null);
    rows.forEach((row, index) => (data[row] = measured(given[index])));
  }

  private putScalars(columns: Map<string, Column>, name: string, rows: number[], given: Scalar[], choices?: readonly Scalar[]) {
    const named = choices !== undefined || given.some((value) => value !== null && typeof value !== "number");
    let column = this.column(columns, name, named ? [...(choices ?? [])] : null);
    if (named && column.names === null) columns.set(name, (column = renamed(column)));
    const { data, names } = column;
    if (names === null) {
      rows.forEach((row, index) => (data[row] = (given[index] as number | null) ?? NaN));
      return;
    }
    const places = new Map(names.map((value, place) => [value, place]));
    rows.forEach((row, index) => (data[row] = placeOf(given[index] ?? null, names, places)));
  }

  private column(columns: Map<string, Column>, name: string, names: Scalar[] | null): Column {
    let column = columns.get(name);
    if (!column) columns.set(name, (column = { data: filled(this.state.length), names }));
    return column;
  }

  private grow(rows: number) {
    if (rows <= this.state.length) return;
    const room = Math.max(rows, this.state.length * 2);
    const states = new Uint8Array(room);
    states.set(this.state);
    this.state = states;
    for (const name of ["attempt", "created", "started", "finished"] as const) this[name] = widened(this[name], room);
    for (const columns of [this.hyperparameters, this.values, this.attributes]) {
      for (const column of columns.values()) column.data = widened(column.data, room);
    }
  }
}

/** Numbers that turn out to be names: a define-by-run trial may choose either. */
function renamed(column: Column): Column {
  const names: Scalar[] = [];
  const places = new Map<Scalar, number>();
  return { data: column.data.map((value) => placeOf(Number.isNaN(value) ? null : value, names, places)), names };
}

function placeOf(value: Scalar, names: Scalar[], places: Map<Scalar, number>): number {
  if (value === null) return NaN;
  let place = places.get(value);
  if (place === undefined) {
    place = names.push(value) - 1;
    places.set(value, place);
  }
  return place;
}

function filled(room: number): Float64Array {
  return new Float64Array(room).fill(NaN);
}

function widened(data: Float64Array, room: number): Float64Array {
  const wide = filled(room);
  wide.set(data);
  return wide;
}

export function valuesOf(trials: Trials, row: number): Values {
  return Object.fromEntries([...trials.values].flatMap(([name, { data }]) => (Number.isNaN(data[row]) ? [] : [[name, data[row] ?? NaN]])));
}
