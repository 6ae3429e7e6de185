// The API's documents, as far as the page reads them.

export type Scalar = string | number | boolean | null;
export type Values = Record<string, number | string>;
export type Direction = "minimize" | "maximize";

export interface Objective {
  metric: string;
  direction: Direction;
}

export interface Counts {
  waiting: number;
  running: number;
  complete: number;
  pruned: number;
  failed: number;
  stopped: number;
}

export interface Overview {
  name: string;
  namespace: string;
  uid: string;
  state: string;
  reason: string | null;
  submitted_at: string;
  ended_at: string | null;
  algorithm: string;
  objectives: Objective[];
  max_trials: number;
  counts: Counts;
  labels: Record<string, string>;
  best: { number: number; values: Values } | null;
  front: number;
}

/** A hyperparameter's form in the spec. */
export interface Form {
  type: string;
  min?: number;
  max?: number;
  log?: boolean;
  scale?: string;
  mean?: number;
  std?: number;
  step?: number;
  choices?: (Scalar | { value: Scalar; weight?: number })[];
  integer?: boolean;
  /** The values of other hyperparameters for which it is active. */
  when?: Record<string, Scalar | Scalar[] | { min?: number; max?: number }>;
}

export interface Constraint {
  metric: string;
  min: number | null;
  max: number | null;
}

export interface Spec {
  name: string;
  namespace: string;
  model_training_code: Record<string, unknown>;
  hyperparameters: Record<string, Form>;
  hpo_algorithm: { name: string; settings: Record<string, unknown> };
  early_stopping: { name: string; settings: Record<string, unknown> }[];
  objectives: (Objective & { goal: number | null })[];
  constraints: Constraint[];
  max_trials: number;
  parallel_trials: number;
  max_failed_trials: number | null;
  max_seconds: number | null;
  max_cost: number | null;
  give_up_after: number | null;
  labels: Record<string, string>;
  study?: unknown;
  [field: string]: unknown;
}

export interface Trial {
  number: number;
  attempt: number;
  state: string;
  hyperparameters: Record<string, Scalar>;
  attributes: Record<string, unknown>;
  values: Values;
  reason: string | null;
  reports: { step: number; values: Values }[];
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  enqueued: boolean;
  imported: boolean;
  note: string | null;
  retry_of: number | null;
  parent: number | null;
  exit_code: number | null;
  log_tail: string | null;
}

export interface Experiment {
  name: string;
  namespace: string;
  uid: string;
  state: string;
  reason: string | null;
  submitted_at: string;
  ended_at: string | null;
  spec: Spec;
  counts: Counts;
  note: string | null;
  /** Another one if the spec or a note has been changed. */
  revision: number;
  best?: Trial | null;
  pareto?: Trial[];
}

export function choicesOf(form: Form): Scalar[] {
  return (form.choices ?? []).map((choice) => (choice !== null && typeof choice === "object" ? choice.value : choice));
}

/** A measured value: JSON has neither NaN nor infinity, so they come as text. */
export function measured(value: number | string | null | undefined): number {
  return typeof value === "number" ? value : value === "Infinity" ? Infinity : value === "-Infinity" ? -Infinity : NaN;
}

/** Trials that have ended and used budget. */
export function done(counts: Counts): number {
  return counts.complete + counts.pruned + counts.failed + counts.stopped;
}

export const LIVE = ["RUNNING", "PAUSED"];
