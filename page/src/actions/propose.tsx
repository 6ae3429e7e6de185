// A trial with given hyperparameters, to run next, and why.

import { useState } from "preact/hooks";
import { pathOf, send, type FieldError } from "../api";
import type { Followed } from "../data/follow";
import { choicesOf, type Form, type Scalar, type Trial } from "../documents";
import { Dialog } from "../parts/dialog";
import { described, Faults } from "../parts/faults";
import { proposes, written } from "../trials/command";

export function Propose({ followed: { experiment, overview }, trial, close, done }: {
  followed: Followed; trial: Trial | null; close: () => void; done: () => void;
}) {
  const { namespace, name, spec } = experiment;
  const from = trial ?? experiment.best ?? null;
  const [texts, set] = useState<Record<string, string>>(() => begun(spec.hyperparameters, from));
  const [note, setNote] = useState("");
  const [key] = useState(() => crypto.getRandomValues(new Uint32Array(4)).join("-"));
  const given = Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== "").map(([each, text]) => [each, valueOf(spec.hyperparameters[each], text)]));
  const fields = new Set(["note", ...Object.keys(spec.hyperparameters).map(fieldOf)]);
  const act = async () => {
    await send("POST", pathOf(namespace, `experiments/${name}/trials`), { trials: [given], ...(note ? { note } : {}) }, { "Idempotency-Key": key });
    done();
  };
  return (
    <Dialog title={`Propose a trial of ${name}`} verb="Propose" command={proposes(spec, given, note)} ready={Object.keys(given).length > 0} act={act} close={close} at={({ field }) => fields.has(field)}>
      {(errors) => (
        <>
          <p>{from ? `The values of trial ${from.number} to begin with. ` : ""}It runs before any trial that {overview.algorithm} suggests.</p>
          {Object.entries(spec.hyperparameters).map(([each, form]) => (
            <Field key={each} name={each} form={form} text={texts[each] ?? ""} set={(text) => set({ ...texts, [each]: text })} faults={of(errors, fieldOf(each), each)} />
          ))}
          <label class="field">Note
            <input value={note} maxLength={500} placeholder="why" {...described(of(errors, "note"), "proposed")} onInput={(event) => setNote(event.currentTarget.value)} />
          </label>
          <Faults faults={of(errors, "note")} id="proposed" />
        </>
      )}
    </Dialog>
  );
}

/** The service's name of a hyperparameter of the trial. */
function fieldOf(name: string): string {
  return `trials[0].${name}`;
}

/** The faults of one field, by the name that the dialog has for it. */
function of(errors: readonly FieldError[], field: string, name = field): FieldError[] {
  return errors.filter((error) => error.field === field).map((error) => ({ ...error, field: name }));
}

function Field({ name, form, text, set, faults }: { name: string; form: Form; text: string; set: (text: string) => void; faults: readonly FieldError[] }) {
  const id = `proposed-${name}`;
  return (
    <div>
      <label class="field"><span>{name} <span class="faint">{form.min !== undefined && `${form.min} … ${form.max}`}{form.log && ", log"}</span></span>
        {form.type === "categorical" ? (
          <select value={text} {...described(faults, id)} onChange={(event) => set(event.currentTarget.value)}>
            <option value="">not given</option>
            {choicesOf(form).map((choice) => <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>{written(choice)}</option>)}
          </select>
        ) : <input type="number" step="any" value={text} {...described(faults, id)} onInput={(event) => set(event.currentTarget.value)} />}
      </label>
      <Faults faults={faults} id={id} />
    </div>
  );
}

function begun(forms: Record<string, Form>, from: Trial | null): Record<string, string> {
  return Object.fromEntries(Object.entries(forms).map(([name, form]) => {
    const value = from?.hyperparameters[name];
    return [name, value === undefined ? "" : form.type === "categorical" ? JSON.stringify(value) : String(value)];
  }));
}

function valueOf(form: Form | undefined, text: string): Scalar {
  return form?.type === "categorical" ? (JSON.parse(text) as Scalar) : Number(text);
}
