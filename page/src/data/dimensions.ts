// What a trial can be compared by: its number, times, values and hyperparameters.

import { choicesOf, type Form, type Scalar, type Spec } from "../documents";
import { duration, number, scalar } from "../format";
import type { Column, Trials } from "./trials";

export interface Dimension {
  /** Unique: `h:` a hyperparameter, `v:` a value, `a:` an attribute, or one of number, seconds, ended, state, attempt. */
  id: string;
  label: string;
  /** The value of a row; NaN if it has none. */
  at: (row: number) => number;
  log: boolean;
  whole?: boolean;
  /** Whether its values are seconds. */
  clock?: boolean;
  /** Its bounds in the spec, if it has any. */
  bounds?: readonly [number, number] | undefined;
  /** The names of the places 0, 1, …; null for numbers. */
  names: readonly Scalar[] | null;
}

/** The dimension of how long after the first trial was made a trial ended. */
export const ENDED = "ended";

export function dimensions(trials: Trials, spec: Spec): Dimension[] {
  return [
    { id: "number", label: "trial", at: (row) => row, log: false, whole: true, names: null },
    ...valuesOf(trials, spec),
    ...hyperparametersOf(trials, spec),
    ...attributesOf(trials),
    { id: "seconds", label: "time", at: (row) => seconds(trials, row), log: false, clock: true, names: null },
    { id: ENDED, label: "ended", at: (row) => (trials.finished[row] ?? NaN) - (trials.created[0] ?? NaN), log: false, clock: true, names: null },
  ];
}

export function valuesOf(trials: Trials, spec: Spec): Dimension[] {
  const objectives = spec.objectives.map((each) => each.metric);
  const others = [...trials.values.keys()].filter((name) => !objectives.includes(name));
  return [...objectives, ...others].map((name) => ({ id: `v:${name}`, label: name, at: reads(trials.values.get(name)), log: false, names: null }));
}

export function hyperparametersOf(trials: Trials, spec: Spec): Dimension[] {
  const names = [...new Set([...Object.keys(spec.hyperparameters), ...trials.hyperparameters.keys()])];
  return names.map((name) => {
    const column = trials.hyperparameters.get(name);
    const at = reads(column);
    const form = spec.hyperparameters[name];
    // Before the first trial the choices are those of the spec.
    const names = column ? column.names : form?.type === "categorical" ? choicesOf(form) : null;
    return { id: `h:${name}`, label: name, at, whole: form?.type === "int", log: isLog(form), bounds: boundsOf(form), names };
  });
}

export function attributesOf(trials: Trials): Dimension[] {
  return [...trials.attributes].map(([name, column]) => ({ id: `a:${name}`, label: `attributes.${name}`, at: reads(column), log: false, names: column.names }));
}

/** Brushing reads 100,000 rows at a time, so the column is looked up once. It stays the same object as it grows. */
function reads(column: Column | undefined): (row: number) => number {
  return column ? (row) => column.data[row] ?? NaN : () => NaN;
}

export function isLog(form: Form | undefined): boolean {
  // A multiple of a step may be 0.
  const scaled = form?.type === "lognormal" ? form.step === undefined : form?.log === true || form?.scale === "log";
  return scaled && (boundsOf(form)?.[0] ?? 0) > 0;
}

/**
 * The bounds of a number; of a normal one, three deviations around its mean. The mean and the deviation of a lognormal
 * one are those of its logarithm.
 */
function boundsOf(form: Form | undefined): [number, number] | undefined {
  if (form?.min !== undefined && form.max !== undefined) return [form.min, form.max];
  const { mean, std } = form ?? {};
  if (mean === undefined || std === undefined) return undefined;
  const bounds: [number, number] = [mean - 3 * std, mean + 3 * std];
  return form?.type === "lognormal" ? [Math.exp(bounds[0]), Math.exp(bounds[1])] : bounds;
}

/** How long it ran, or waited if it never began; NaN while it runs. */
export function seconds(trials: Trials, row: number): number {
  return (trials.finished[row] ?? NaN) - (trials.started[row] ?? NaN);
}

export function shown(dimension: Dimension, value: number): string {
  if (Number.isNaN(value)) return "–";
  if (dimension.clock) return duration(value);
  return dimension.names ? scalar(dimension.names[Math.round(value)]) : number(value);
}

/** A hyperparameter's range or choices in words. */
export function rangeOf(form: Form | undefined): string {
  if (form === undefined) return "–";
  if (form.choices) return choicesOf(form).map(scalar).join(", ");
  const log = form.log === true || form.scale === "log" ? ", log" : "";
  if (form.min !== undefined && form.max !== undefined) return `${number(form.min)} … ${number(form.max)}${log}`;
  return form.mean === undefined || form.std === undefined ? form.type : `${number(form.mean)} ± ${number(form.std)}${log}`;
}
