// The hyperparameters, a line each: its name, its type, and its range or choices.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { FieldError } from "../api";
import { Faults, faultsOf } from "../parts/faults";
import { memo } from "./memo";
import { NumberInput } from "./number";
import { changed, same, type Json } from "./schema";
import { afterClick, useRefused, useRound, useWritten } from "./written";
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

/** The rows of another space. Those of hyperparameters that are as before stay the same, and are not drawn again. */
export function rowsLike(rows: readonly Row[], space: Space): Row[] {
  const before = new Map(rows.map((row) => [row.name, row]));
  return Object.entries(space).map(([name, form]) => {
    const row = before.get(name);
    return row && same(row.form, form) ? row : { id: row?.id ?? ids++, name, form };
  });
}

/** The rows by their names: the first of those with equal names, and none without a name. */
export function spaceOf(rows: readonly Row[]): Space {
  const space = new Map<string, Form>();
  for (const { name, form } of rows) if (name !== "" && !space.has(name)) space.set(name, form);
  return Object.fromEntries(space);
}

/** Why each row cannot be submitted, in their order. */
export function faultsIn(rows: readonly Row[]): (string | null)[] {
  const [seen, repeated] = [new Set<string>(), new Set<string>()];
  for (const { name } of rows) (seen.has(name) ? repeated : seen).add(name);
  return rows.map(({ name }) => {
    if (name === "") return "A hyperparameter has no name: write one, or remove it";
    return repeated.has(name) ? `Two hyperparameters have the name ${name}: rename or remove one` : null;
  });
}

const NONE: readonly FieldError[] = [];

/** The space is taken anew with each `round`. Within one the rows have more than it: names that are not whole. */
export function SpaceFields({ round, space, set, errors }: { round: number; space: Space; set: (space: Space) => void; errors: readonly FieldError[] }) {
  const [rows, setRows] = useRound<Row[]>(round, (old) => rowsLike(old ?? [], space));
  const [added, setAdded] = useState<number | null>(null);
  // A name on its way to another one is no fault yet.
  const [naming, setNaming] = useState(false);
  const change = (next: Row[]) => {
    setRows(next);
    set(spaceOf(next));
  };
  const latest = useRef({ rows, change });
  latest.current = { rows, change };
  // The same functions always: else each press would draw all rows again.
  const { put, remove } = useMemo(() => ({
    put: (row: Row) => latest.current.change(latest.current.rows.map((each) => (each.id === row.id ? row : each))),
    remove: (id: number) => latest.current.change(latest.current.rows.filter((each) => each.id !== id)),
  }), []);
  const add = () => {
    const row = { id: ids++, name: fresh(rows), form: NEW };
    change([...rows, row]);
    setAdded(row.id);
  };
  const faults = faultsIn(rows);
  return (
    <fieldset class="space">
      <legend>Hyperparameters</legend>
      {rows.map((row, place) => (
        <Dimension key={row.id} row={row} put={put} remove={remove} added={added === row.id} fault={faults[place] ?? null} quiet={naming && faults[place] !== null} setNaming={setNaming}
          errors={errors.length === 0 ? NONE : faultsOf(errors, `hyperparameters.${row.name}`)} />
      ))}
      <Faults faults={errors.filter(({ field }) => field === "hyperparameters")} id="space" />
      <button type="button" onClick={add}>Add a hyperparameter</button>
    </fieldset>
  );
}

interface DimensionProps {
  row: Row;
  put: (row: Row) => void;
  remove: (id: number) => void;
  added: boolean;
  fault: string | null;
  /** The fault is not shown yet. */
  quiet: boolean;
  setNaming: (naming: boolean) => void;
  errors: readonly FieldError[];
}

/** A hyperparameter. The name of one that was `added` is selected, to be written over. */
const Dimension = memo(({ row, put, remove, added, fault, quiet, setNaming, errors }: DimensionProps) => {
  const { name, form } = row;
  const shown = quiet ? null : fault;
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
      <button type="button" class="plain" aria-label={`Remove ${name}`} onClick={() => remove(row.id)}>×</button>
      {shown !== null && <p class="wrong" role="status">{shown}</p>}
      <Faults faults={errors} id={`space-${row.id}`} />
    </div>
  );
});

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
