// The hyperparameters, a line each: its name, its type, and its range or choices.

import { useEffect, useRef, useState } from "preact/hooks";
import type { FieldError } from "../api";
import { Faults, faultsOf } from "../parts/faults";
import { NumberInput } from "./number";
import { changed, type Json } from "./schema";
import { afterClick, useRefused, useWritten } from "./written";
import { choicesLine, choicesOf } from "./yaml";

type Form = { [name: string]: Json };
type Space = { [name: string]: Form };

/** A line of the form. Two may have the same name while one of them is written. */
export interface Row {
  id: number;
  name: string;
  form: Form;
}

const NEW: Form = { type: "float", min: 0, max: 1 };

let ids = 0;

export function rowsOf(space: Space): Row[] {
  return Object.entries(space).map(([name, form]) => ({ id: ids++, name, form }));
}

/** The rows by their names: the first of those with equal names, and none without a name. */
export function spaceOf(rows: readonly Row[]): Space {
  const named = rows.filter(({ name }, place) => name !== "" && rows.findIndex((each) => each.name === name) === place);
  return Object.fromEntries(named.map(({ name, form }) => [name, form]));
}

/** Why a row cannot be submitted. */
export function faultOf(row: Row, rows: readonly Row[]): string | null {
  if (row.name === "") return "A hyperparameter has no name: write one, or remove it";
  if (rows.some((each) => each !== row && each.name === row.name)) return `Two hyperparameters have the name ${row.name}: rename or remove one`;
  return null;
}

export function SpaceFields({ space, set, errors }: { space: Space; set: (space: Space) => void; errors: readonly FieldError[] }) {
  const [rows, setRows] = useState(() => rowsOf(space));
  const [added, setAdded] = useState<number | null>(null);
  // A name on its way to another one is no fault yet.
  const [naming, setNaming] = useState(false);
  const change = (next: Row[]) => {
    setRows(next);
    set(spaceOf(next));
  };
  const put = (row: Row) => change(rows.map((each) => (each.id === row.id ? row : each)));
  const add = () => {
    const row = { id: ids++, name: fresh(rows), form: NEW };
    change([...rows, row]);
    setAdded(row.id);
  };
  return (
    <fieldset class="space">
      <legend>Hyperparameters</legend>
      {rows.map((row) => (
        <Dimension key={row.id} row={row} put={put} added={added === row.id} fault={faultOf(row, rows)} naming={naming} setNaming={setNaming}
          remove={() => change(rows.filter((each) => each.id !== row.id))} errors={faultsOf(errors, `hyperparameters.${row.name}`)} />
      ))}
      <Faults faults={errors.filter(({ field }) => field === "hyperparameters")} id="space" />
      <button type="button" onClick={add}>Add a hyperparameter</button>
    </fieldset>
  );
}

/** A hyperparameter. The name of one that was `added` is selected, to be written over. */
function Dimension({ row, put, remove, added, fault, naming, setNaming, errors }: {
  row: Row; put: (row: Row) => void; remove: () => void; added: boolean;
  fault: string | null; naming: boolean; setNaming: (naming: boolean) => void; errors: readonly FieldError[];
}) {
  const { name, form } = row;
  const shown = naming ? null : fault;
  const input = useRefused<HTMLInputElement>(fault);
  // A person who comes back from another type finds what they had written.
  const before = useRef<Form>({});
  const turn = (type: string) => {
    before.current = { ...before.current, ...form };
    put({ ...row, form: turned(before.current, type) });
  };
  useEffect(() => {
    if (added) input.current?.select();
  }, [added]);
  const set = (next: Form) => put({ ...row, form: next });
  return (
    <div class="dimension">
      <input ref={input} aria-label="Name" value={name} spellcheck={false} autocomplete="off" aria-invalid={shown !== null}
        onInput={(event) => (setNaming(true), put({ ...row, name: event.currentTarget.value.trim() }))} onBlur={() => afterClick(() => setNaming(false))} />
      <select aria-label={`Type of ${name}`} value={String(form.type)} onChange={(event) => turn(event.currentTarget.value)}>
        {[...new Set(["float", "int", "categorical", String(form.type)])].map((type) => <option key={type}>{type}</option>)}
      </select>
      {form.type === "categorical" ? <Choices name={name} form={form} set={set} /> : <Bounds name={name} form={form} set={set} />}
      <button type="button" class="plain" aria-label={`Remove ${name}`} onClick={remove}>×</button>
      {shown !== null && <p class="wrong" role="status">{shown}</p>}
      <Faults faults={errors} id={`space-${row.id}`} />
    </div>
  );
}

function fresh(rows: readonly Row[]): string {
  let number = rows.length + 1;
  while (rows.some(({ name }) => name === `x${number}`)) number += 1;
  return `x${number}`;
}

function turned(form: Form, type: string): Form {
  if (type === "categorical") return { type, choices: form.choices ?? ["a", "b"] };
  return { type, min: form.min ?? 0, max: form.max ?? 1, ...(form.log === true || form.scale === "log" ? { log: true } : {}) };
}

function Bounds({ name, form, set }: { name: string; form: Form; set: (form: Form) => void }) {
  const normal = form.type === "normal" || form.type === "lognormal";
  const { log: _, scale, ...others } = form;
  // A spec has `scale`, a request usually `log`; scales other than these stay as they are.
  const logarithmic = form.log === true || scale === "log";
  const straight = scale === undefined || scale === "log" ? others : { ...others, scale };
  return (
    <>
      {(normal ? ["mean", "std"] : ["min", "max"]).map((member) => (
        <NumberInput key={member} integer={form.type === "int"} aria-label={`${member} of ${name}`} value={form[member]} placeholder={member}
          set={(value) => set(changed(form, member, value))} />
      ))}
      {!normal && <label class="log"><input type="checkbox" checked={logarithmic} onChange={(event) => set(event.currentTarget.checked ? { ...others, log: true } : straight)} /> log</label>}
    </>
  );
}

function Choices({ name, form, set }: { name: string; form: Form; set: (form: Form) => void }) {
  const choices = Array.isArray(form.choices) ? form.choices : [];
  const { fault, input } = useWritten(choices, (next) => set({ ...form, choices: next ?? [] }), choicesLine, choicesOf);
  return (
    <>
      <input {...input} class="choices-text" aria-label={`Choices of ${name}`} placeholder="adam, sgd" spellcheck={false} autocomplete="off" aria-invalid={fault !== null} />
      {fault !== null && <p class="wrong" role="status">{fault}</p>}
    </>
  );
}
