// A field for a member of the request, as its schema says, with the faults that the service found.

import type { ComponentChildren } from "preact";
import { stringify } from "yaml";
import type { FieldError } from "../api";
import { Faults, faultsOf } from "../parts/faults";
import { NumberInput } from "./number";
import { kindOf, same, type Json, type Schema } from "./schema";
import { useRound, useWritten } from "./written";
import { yamlOf } from "./yaml";

export interface Choice {
  name: string;
  summary: string;
  installed: boolean;
}

export interface FieldProps {
  /** Within a round the field stays what it is. */
  round: number;
  name: string;
  schema: Schema;
  root: Schema;
  value: Json | undefined;
  set: (value: Json | undefined) => void;
  errors: readonly FieldError[];
  label?: string;
  /** What may be put in, to choose from. */
  choices?: readonly Choice[];
}

export function Field(props: FieldProps) {
  const found = kindOf(props.schema, props.root);
  const { schema } = found;
  // A name is the shortest of several forms, and most requests use it.
  const [named] = useRound(props.round, () => found.kind === "other" && (schema.anyOf ?? []).some((each) => each.type === "string") && (props.value === undefined || typeof props.value === "string"));
  const kind = named ? "text" : found.kind;
  const label = props.label ?? words(props.name);
  const faults = faultsOf(props.errors, props.name);
  const id = `field-${props.name.replace(/[^\w]/g, "-")}`;
  if (kind === "object") return <Group {...props} schema={schema} label={label} />;
  return (
    <div class="entry">
      <label for={id}>{label}</label>
      <Input {...props} schema={schema} kind={kind} id={id} wrong={faults.length > 0} />
      {schema.description && <p class="hint" id={`${id}-hint`}>{schema.description}</p>}
      <Faults faults={faults} id={id} />
    </div>
  );
}

export function words(name: string): string {
  if (name === "hpo_algorithm") return "Algorithm";
  const text = (name.split(".").pop() ?? name).replace(/_/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function Group({ round, name, schema, root, value, set, errors, label }: FieldProps & { label: string }) {
  const members = (value ?? {}) as Record<string, Json>;
  const change = (member: string, given: Json | undefined) => {
    const { [member]: _, ...others } = members;
    const next = given === undefined ? others : { ...others, [member]: given };
    set(Object.keys(next).length ? next : undefined);
  };
  return (
    <fieldset>
      <legend>{label}</legend>
      {name === "objective" && <p class="hint">The training prints it, alone or with others, as in <code>step=3 {String(members.metric ?? "objective")}=0.12</code>. Metrics, below More fields, has other ways.</p>}
      {Object.entries(schema.properties ?? {}).map(([member, inner]) => (
        <Field key={member} round={round} name={`${name}.${member}`} schema={inner} root={root} value={members[member]} set={(given) => change(member, given)} errors={errors} />
      ))}
    </fieldset>
  );
}

/** The usual value as a text; of an algorithm its name. */
function usualOf(usual: unknown): string {
  if (usual === undefined || usual === null) return "";
  if (typeof usual !== "object") return String(usual);
  return "name" in usual ? String(usual.name) : "";
}

function Input({ kind, schema, value, set, id, wrong, choices }: FieldProps & { kind: ReturnType<typeof kindOf>["kind"]; id: string; wrong: boolean }): ComponentChildren {
  const usual = usualOf(schema.default);
  const common = { id, "aria-invalid": wrong, "aria-describedby": [schema.description && `${id}-hint`, wrong && `${id}-fault`].filter(Boolean).join(" ") || undefined };
  if (kind === "boolean") {
    return <input {...common} type="checkbox" checked={Boolean(value ?? schema.default)} onChange={(event) => set(event.currentTarget.checked === Boolean(schema.default) ? undefined : event.currentTarget.checked)} />;
  }
  if (kind === "choice") {
    return (
      <select {...common} value={String(value ?? schema.default ?? "")} onChange={(event) => set(same(event.currentTarget.value, schema.default) ? undefined : event.currentTarget.value)}>
        {(schema.enum ?? []).map((each) => <option key={String(each)}>{String(each)}</option>)}
      </select>
    );
  }
  if (kind === "integer" || kind === "number") {
    return <NumberInput {...common} integer={kind === "integer"} value={value} set={set} placeholder={usual || "not set"} />;
  }
  if (kind === "text" && choices) return <Names common={common} value={String(value ?? "")} usual={usual} set={set} choices={choices} />;
  if (kind === "text") {
    return <input {...common} value={String(value ?? "")} placeholder={usual} spellcheck={false} autocomplete="off" onInput={(event) => set(event.currentTarget.value === "" ? undefined : event.currentTarget.value)} />;
  }
  return <Yaml common={common} value={value} set={set} />;
}

/** One of the names that the service knows; those without a library in their name come first. */
function Names({ common, value, usual, set, choices }: { common: Record<string, unknown>; value: string; usual: string; set: (value: string | undefined) => void; choices: readonly Choice[] }) {
  const given = value || usual;
  const own = choices.filter(({ name }) => !name.includes("."));
  const others = choices.filter(({ name }) => name.includes("."));
  const option = ({ name, summary, installed }: Choice) => <option key={name} value={name} disabled={!installed}>{`${name}: ${summary}${installed ? "" : " (not installed)"}`}</option>;
  return (
    <select {...common} value={given} onChange={(event) => set(event.currentTarget.value || undefined)}>
      {usual === "" && <option value="">none</option>}
      {given !== "" && !choices.some(({ name }) => name === given) && <option>{given}</option>}
      {own.map(option)}
      {others.length > 0 && <optgroup label="Of other libraries, by their names">{others.map(option)}</optgroup>}
    </select>
  );
}

/** A value that no single field holds, as YAML. */
export function Yaml({ common, value, set }: { common: Record<string, unknown>; value: Json | undefined; set: (value: Json | undefined) => void }) {
  const { text, fault, input } = useWritten(value, set, stringify, yamlOf);
  return <><textarea {...common} {...input} rows={Math.min(8, text.split("\n").length)} placeholder="as YAML" spellcheck={false} />{fault && <p class="wrong" role="status">{fault}</p>}</>;
}
