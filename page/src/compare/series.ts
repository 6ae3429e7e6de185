// One experiment of a comparison: its best so far, as a line.

import { improvements } from "../data/best";
import { ENDED, dimensions } from "../data/dimensions";
import { every } from "../data/filter";
import type { Followed } from "../data/follow";
import { type Objective } from "../documents";
import type { Query } from "../query";
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

/** The objectives of the experiments, each once. To minimize a metric and to maximize it are two. */
export function objectivesOf(all: readonly Followed[]): Objective[] {
  const given = all.flatMap(({ experiment }) => experiment.spec.objectives);
  return given.filter((each, place) => given.findIndex((other) => isSame(each, other)) === place);
}

/** The objective that an address names, by its metric and, where there are both, by its direction; else the first one. */
export function objectiveIn(objectives: readonly Objective[], { metric, direction }: Query): Objective | undefined {
  const named = objectives.filter((each) => each.metric === metric);
  return named.find((each) => each.direction === direction) ?? named[0] ?? objectives[0];
}

export function nameOf({ metric, direction }: Objective): string {
  return `${direction} ${metric}`;
}

/** Those whose best values cannot be compared by an objective, each with what it has in its place. */
export function apart(all: readonly Followed[], objective: Objective): string[] {
  const others = all.filter((each) => !has(each, objective));
  return others.map(({ experiment: { name, spec } }) => `${name} (${spec.objectives.map(nameOf).join(", ")})`);
}

/** Whether the experiment has it, in the same direction. */
export function has({ experiment }: Followed, objective: Objective): boolean {
  return experiment.spec.objectives.some((each) => isSame(each, objective));
}

function isSame(one: Objective, other: Objective): boolean {
  return one.metric === other.metric && one.direction === other.direction;
}

/** What `bestRows` has found. Each page of trials draws all experiments again, of which one has changed. */
const known = new WeakMap<Followed, Map<string, number[]>>();

/** The rows at which the best got better, in the order of trials or of time. */
export function bestRows(followed: Followed, objective: Objective, over: Over): number[] {
  const found = known.get(followed) ?? new Map<string, number[]>();
  known.set(followed, found);
  const key = `${over} ${nameOf(objective)}`;
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
export function seriesOf(followed: Followed, objective: Objective, over: Over, color: number): Series | null {
  const { trials, experiment } = followed;
  const rows = has(followed, objective) ? bestRows(followed, objective, over) : [];
  if (rows.length === 0) return null;
  const data = trials.values.get(objective.metric)?.data;
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
