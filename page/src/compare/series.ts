// One experiment of a comparison: its best so far, as a line.

import { improvements } from "../data/best";
import { ENDED, dimensions } from "../data/dimensions";
import { every } from "../data/filter";
import type { Followed } from "../data/follow";
import { type Objective } from "../documents";
import { ordered } from "../trials/table";

/** The most experiments of a comparison: more colours could not be told apart. */
export const MOST = 10;

export type Over = "trials" | "time";

export interface Series {
  name: string;
  /** Its place in the palette. */
  color: number;
  /** Where the best value got better: trial or seconds, and the value. */
  points: readonly (readonly [number, number])[];
  /** Where the line ends: the last trial, or the last end of one. */
  last: number;
}

/** The objectives of the experiments by metric; an experiment may lack some. */
export function metricsOf(all: readonly Followed[]): string[] {
  return [...new Set(all.flatMap(({ experiment }) => experiment.spec.objectives.map((each) => each.metric)))];
}

export function objectiveOf({ experiment }: Followed, metric: string): Objective | undefined {
  return experiment.spec.objectives.find((each) => each.metric === metric);
}

/** What `bestRows` has found. Each page of trials draws all experiments again, of which one has changed. */
const known = new WeakMap<Followed, Map<string, number[]>>();

/** The rows at which the best got better, in the order of trials or of time. */
export function bestRows(followed: Followed, objective: Objective, over: Over): number[] {
  const found = known.get(followed) ?? new Map<string, number[]>();
  known.set(followed, found);
  const key = `${over} ${objective.metric}`;
  let rows = found.get(key);
  if (!rows) found.set(key, (rows = readBestRows(followed, objective, over)));
  return rows;
}

function readBestRows({ trials, experiment }: Followed, objective: Objective, over: Over): number[] {
  const ended = dimensions(trials, experiment.spec).find((each) => each.id === ENDED);
  const rows = over === "time" && ended ? ordered(every(trials.count), ended.at, false) : undefined;
  return improvements(trials, experiment.spec, objective, rows);
}

/** Null if the experiment has no such objective, or no trial has completed. */
export function seriesOf(followed: Followed, metric: string, over: Over, color: number): Series | null {
  const { trials, experiment } = followed;
  const objective = objectiveOf(followed, metric);
  const rows = objective ? bestRows(followed, objective, over) : [];
  if (rows.length === 0) return null;
  const data = trials.values.get(metric)?.data;
  const begun = trials.created[0] ?? NaN;
  const x = (row: number) => (over === "time" ? (trials.finished[row] ?? NaN) - begun : row);
  const last = over === "time" ? latest(trials.finished.subarray(0, trials.count)) - begun : trials.count - 1;
  return { name: experiment.name, color, points: rows.map((row) => [x(row), data?.[row] ?? NaN] as const), last };
}

function latest(times: Float64Array): number {
  return times.reduce((most, time) => (time > most ? time : most), -Infinity);
}

/** The best value at a place; NaN before the first one. */
export function valueAt({ points }: Series, x: number): number {
  let found = NaN;
  for (const [at, value] of points) if (at <= x) found = value;
  return found;
}

/** All names in the order of the first experiment that has each. */
export function hyperparametersOf(all: readonly Followed[]): string[] {
  return [...new Set(all.flatMap(({ experiment, trials }) => [...Object.keys(experiment.spec.hyperparameters), ...trials.hyperparameters.keys()]))];
}

/** The names in an address, each once. */
export function namesOf(text: string | undefined): string[] {
  return [...new Set((text ?? "").split(",").filter(Boolean))];
}
