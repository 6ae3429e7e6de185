// A trial with given hyperparameters, to run next, and why.

import { useState } from "preact/hooks";
import { pathOf, send } from "../api";
import type { Followed } from "../data/follow";
import { choicesOf, type Form, type Scalar, type Trial } from "../documents";
import { Dialog } from "../parts/dialog";
import { proposes, quoted } from "../trials/command";

export function Propose({ followed: { experiment, overview }, trial, close, done }: {
  followed: Followed; trial: Trial | null; close: () => void; done: () => void;
}) {
  const { namespace, name, spec } = experiment;
  const from = trial ?? experiment.best ?? null;
  const [texts, set] = useState<Record<string, string>>(() => begun(spec.hyperparameters, from));
  const [note, setNote] = useState("");
  const [key] = useState(() => crypto.getRandomValues(new Uint32Array(4)).join("-"));
  const given = Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== "").map(([each, text]) => [each, valueOf(spec.hyperparameters[each], text)]));
  const command = proposes(spec, given) + (note ? ` --note ${quoted(note)}` : "");
  const act = async () => {
    await send("POST", pathOf(namespace, `experiments/${name}/trials`), { trials: [given], ...(note ? { note } : {}) }, { "Idempotency-Key": key });
    done();
  };
  return (
    <Dialog title={`Propose a trial of ${name}`} verb="Propose" command={command} ready={Object.keys(given).length > 0} act={act} close={close}>
      <p>{from ? `The values of trial ${from.number} to begin with. ` : ""}It runs before any trial that {overview.algorithm} suggests.</p>
      {Object.entries(spec.hyperparameters).map(([each, form]) => <Field key={each} name={each} form={form} text={texts[each] ?? ""} set={(text) => set({ ...texts, [each]: text })} />)}
      <label class="field">Note <input value={note} maxLength={500} placeholder="why" onInput={(event) => setNote(event.currentTarget.value)} /></label>
    </Dialog>
  );
}

function Field({ name, form, text, set }: { name: string; form: Form; text: string; set: (text: string) => void }) {
  if (form.type === "categorical") {
    return (
      <label class="field"><span>{name}</span>
        <select value={text} onChange={(event) => set(event.currentTarget.value)}>
          <option value="">not given</option>
          {choicesOf(form).map((choice) => <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>{String(choice)}</option>)}
        </select>
      </label>
    );
  }
  return (
    <label class="field"><span>{name} <span class="faint">{form.min !== undefined && `${form.min} … ${form.max}`}{form.log && ", log"}</span></span>
      <input type="number" step="any" value={text} onInput={(event) => set(event.currentTarget.value)} />
    </label>
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
