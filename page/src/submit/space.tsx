// The hyperparameters, a line each: its name, its type, and its range or choices.

import { parse } from "yaml";
import { useState } from "preact/hooks";
import type { FieldError } from "../api";
import { Faults, faultsOf } from "./field";
import type { Json } from "./schema";

type Form = { [name: string]: Json };
type Space = { [name: string]: Form };

const NEW: Form = { type: "float", min: 0, max: 1 };

export function SpaceFields({ space, set, errors }: { space: Space; set: (space: Space) => void; errors: readonly FieldError[] }) {
  const entries = Object.entries(space);
  const put = (index: number, name: string, form: Form) => set(Object.fromEntries(entries.map((each, place) => (place === index ? [name, form] : each))));
  return (
    <fieldset class="space">
      <legend>Hyperparameters</legend>
      {entries.map(([name, form], index) => (
        <div key={index} class="dimension">
          <input aria-label="Name" value={name} spellcheck={false} onInput={(event) => put(index, event.currentTarget.value, form)} />
          <select aria-label={`Type of ${name}`} value={String(form.type)} onChange={(event) => put(index, name, turned(form, event.currentTarget.value))}>
            {[...new Set(["float", "int", "categorical", String(form.type)])].map((type) => <option key={type}>{type}</option>)}
          </select>
          {form.type === "categorical" ? <Choices name={name} form={form} set={(next) => put(index, name, next)} /> : <Bounds name={name} form={form} set={(next) => put(index, name, next)} />}
          <button type="button" class="plain" aria-label={`Remove ${name}`} onClick={() => set(Object.fromEntries(entries.filter((_, place) => place !== index)))}>×</button>
          <Faults faults={faultsOf(errors, `hyperparameters.${name}`)} id={`space-${index}`} />
        </div>
      ))}
      <Faults faults={errors.filter(({ field }) => field === "hyperparameters")} id="space" />
      <button type="button" onClick={() => set({ ...space, [fresh(space)]: NEW })}>Add a hyperparameter</button>
    </fieldset>
  );
}

function fresh(space: Space): string {
  let number = Object.keys(space).length + 1;
  while (`x${number}` in space) number += 1;
  return `x${number}`;
}

function turned(form: Form, type: string): Form {
  if (type === "categorical") return { type, choices: form.choices ?? ["a", "b"] };
  return { type, min: form.min ?? 0, max: form.max ?? 1, ...(form.log === true || form.scale === "log" ? { log: true } : {}) };
}

function Bounds({ name, form, set }: { name: string; form: Form; set: (form: Form) => void }) {
  const bound = (member: "min" | "max") => (
    <input type="number" step="any" aria-label={`${member} of ${name}`} value={String(form[member] ?? "")} placeholder={member}
      onInput={(event) => set({ ...form, [member]: event.currentTarget.value === "" ? null : Number(event.currentTarget.value) })} />
  );
  const { log: _, scale, ...others } = form;
  // A spec has `scale`, a request usually `log`; scales other than these stay as they are.
  const logarithmic = form.log === true || scale === "log";
  const straight = scale === undefined || scale === "log" ? others : { ...others, scale };
  return <>{bound("min")}{bound("max")}<label class="log"><input type="checkbox" checked={logarithmic} onChange={(event) => set(event.currentTarget.checked ? { ...others, log: true } : straight)} /> log</label></>;
}

function Choices({ name, form, set }: { name: string; form: Form; set: (form: Form) => void }) {
  const [text, setText] = useState(() => ((form.choices ?? []) as Json[]).map((each) => (typeof each === "string" ? each : JSON.stringify(each))).join(", "));
  const changed = (given: string) => {
    setText(given);
    const choices = given.split(",").map((each) => each.trim()).filter(Boolean).map(scalarOf);
    set({ ...form, choices });
  };
  return <input class="choices-text" aria-label={`Choices of ${name}`} value={text} placeholder="adam, sgd" onInput={(event) => changed(event.currentTarget.value)} />;
}

function scalarOf(text: string): Json {
  try {
    const value = parse(text) as Json;
    return value !== null && typeof value === "object" ? text : value;
  } catch {
    return text;
  }
}
