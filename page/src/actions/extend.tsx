// A change of the budget. Only fields that were changed are sent.

import { useState } from "preact/hooks";
import { pathOf, send } from "../api";
import type { Followed } from "../data/follow";
import { Dialog } from "../parts/dialog";
import { described, Faults, faultsOf } from "../parts/faults";
import { tunelet } from "../trials/command";

const FIELDS = [
  ["max_trials", "Trials"], ["parallel_trials", "Trials at a time"], ["max_failed_trials", "Failed trials to tolerate"],
  ["max_seconds", "Seconds"], ["max_cost", "Cost"],
] as const;

export function Extend({ followed: { experiment }, close, done }: { followed: Followed; close: () => void; done: () => void }) {
  const { namespace, name, spec } = experiment;
  const [texts, set] = useState<Record<string, string>>(() => Object.fromEntries(FIELDS.map(([field]) => [field, String(spec[field] ?? "")])));
  const changes = FIELDS.filter(([field]) => texts[field] !== String(spec[field] ?? "") && texts[field] !== "");
  const body = Object.fromEntries(changes.map(([field]) => [field, Number(texts[field])]));
  const words = changes.flatMap(([field]) => [`--${field.replace(/_/g, "-")}`, String(body[field])]);
  const act = async () => {
    await send("PATCH", pathOf(namespace, `experiments/${name}`), body);
    done();
  };
  return (
    <Dialog title={`Extend ${name}`} verb="Extend" ready={changes.length > 0} command={tunelet(namespace, "extend", name, ...words)} act={act} close={close}
      at={(error) => FIELDS.some(([field]) => field === error.field)}>
      {(errors) => (
        <>
          <p>An experiment that has spent its budget continues.</p>
          {FIELDS.map(([field, label]) => {
            const [faults, id] = [faultsOf(errors, field), `extend-${field}`];
            return (
              <div key={field}>
                <label class="field">{label}
                  <input type="number" min="0" step="any" value={texts[field]} placeholder="no limit" {...described(faults, id)}
                    onInput={(event) => set({ ...texts, [field]: event.currentTarget.value })} />
                </label>
                <Faults faults={faults} id={id} />
              </div>
            );
          })}
        </>
      )}
    </Dialog>
  );
}
