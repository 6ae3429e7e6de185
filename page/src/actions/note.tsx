// The note of an experiment, or of one of its trials.

import { useState } from "preact/hooks";
import { pathOf, send } from "../api";
import type { Experiment } from "../documents";
import { Dialog } from "../parts/dialog";
import { described, Faults } from "../parts/faults";
import { notes } from "../trials/command";

/** `number` is null for the note of the experiment. */
export function Note({ experiment: { namespace, name }, number, note, close, noted }: {
  experiment: Experiment; number: number | null; note: string | null; close: () => void; noted: () => void;
}) {
  const [text, set] = useState(note ?? "");
  const act = async () => {
    const path = number === null ? `experiments/${name}` : `experiments/${name}/trials/${number}`;
    await send("PUT", pathOf(namespace, `${path}/note`), { note: text });
    noted();
  };
  return (
    <Dialog title={number === null ? `Note on ${name}` : `Note on trial ${number}`} verb="Save" command={notes(namespace, name, number, text)} ready={text !== (note ?? "")} act={act} close={close} at={({ field }) => field === "note"}>
      {(errors) => (
        <>
          <label class="field tall">Note
            <textarea value={text} rows={5} maxLength={4096} placeholder="an empty note is removed" {...described(errors, "note")} onInput={(event) => set(event.currentTarget.value)} />
          </label>
          <Faults faults={errors} id="note" />
        </>
      )}
    </Dialog>
  );
}
