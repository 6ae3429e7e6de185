// What was asked for: the search space as a table, and the whole request.

import { rangeOf } from "../data/dimensions";
import type { Form, Spec } from "../documents";
import { scalar } from "../format";
import { Copied } from "../parts/copied";
import type { ViewProps } from "./view";

export function Request({ followed: { experiment } }: ViewProps) {
  const { spec } = experiment;
  const space = spec.hyperparameters;
  const conditional = Object.values(space).some((form) => form.when);
  return (
    <div class="request" role="region" aria-label="The request" tabIndex={0}>
      <table>
        <thead><tr><th scope="col">Hyperparameter</th><th scope="col">Type</th><th scope="col">Values</th>{conditional && <th scope="col">Only if</th>}</tr></thead>
        <tbody>
          {Object.entries(space).map(([name, form]) => (
            <tr key={name}><th scope="row">{name}</th><td>{form.type}</td><td>{valuesOf(form)}</td>{conditional && <td>{conditionOf(form)}</td>}</tr>
          ))}
        </tbody>
      </table>
      <section>
        <h2>As JSON, with its defaults</h2>
        <Copied text={JSON.stringify(told(spec), null, 2)} name="The request as JSON" />
      </section>
    </div>
  );
}

/** Without what says nothing: null, and empty lists and objects. */
function told(spec: Spec): Record<string, unknown> {
  const empty = (value: unknown) => value === null || value === undefined || (typeof value === "object" && Object.keys(value).length === 0);
  const kept = (value: unknown): unknown =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, kept(inner)] as const).filter(([, inner]) => !empty(inner)))
      : value;
  return kept(spec) as Record<string, unknown>;
}

function valuesOf(form: Form): string {
  return form.step === undefined ? rangeOf(form) : `${rangeOf(form)}, step ${form.step}`;
}

/** As "kind is svm or tree, layers from 2". */
export function conditionOf({ when }: Form): string {
  return Object.entries(when ?? {}).map(([parent, value]) => `${parent} ${conditioned(value)}`).join(", ");
}

function conditioned(value: Condition): string {
  if (Array.isArray(value)) return `is ${value.map(scalar).join(" or ")}`;
  if (value === null || typeof value !== "object") return `is ${scalar(value)}`;
  const ends = [value.min === undefined ? "" : `from ${value.min}`, value.max === undefined ? "" : `to ${value.max}`];
  return ends.filter(Boolean).join(" ");
}

type Condition = NonNullable<Form["when"]>[string];
