// Faults that the service found: each is said once, at its field or in the box for the others.

import { Problem, type FieldError } from "../api";

/** The faults of a field and of what is in it: `hyperparameters.rate.min` is in `hyperparameters`. */
export function faultsOf(errors: readonly FieldError[], name: string): FieldError[] {
  return errors.filter(({ field }) => field === name || field.startsWith(`${name}.`) || field.startsWith(`${name}[`));
}

/** What remains to be said beside fields that show the faults for which `at` holds; null if nothing does. */
export function besides(problem: unknown, at: (error: FieldError) => boolean): unknown {
  if (!(problem instanceof Problem) || !problem.errors.some(at)) return problem;
  const others = problem.errors.filter((error) => !at(error));
  return others.length ? new Problem(problem.status, "", others) : null;
}

/** The attributes of a field with faults, which `Faults` shows with the same id. */
export function described(faults: readonly FieldError[], id: string) {
  return { "aria-invalid": faults.length > 0, "aria-describedby": faults.length ? `${id}-fault` : undefined };
}

export function Faults({ faults, id }: { faults: readonly FieldError[]; id: string }) {
  if (faults.length === 0) return null;
  return <p class="wrong" role="alert" id={`${id}-fault`}>{faults.map(({ field, message, remedy }) => `${field} ${message}: ${remedy}`.trimStart()).join("; ")}</p>;
}
