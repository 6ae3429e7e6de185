// What one can do with a single trial. Each asks first and shows its command.

import { useState } from "preact/hooks";
import { pathOf, send } from "../api";
import type { Experiment, Trial } from "../documents";
import { Dialog } from "../parts/dialog";
import { useMay } from "../rights";
import { tunelet } from "../trials/command";
import { Note } from "./note";

const LIVE = ["WAITING", "RUNNING"];
const WITHOUT_RESULT = ["FAIL", "STOPPED"];

/** `again` asks for the trials, `reread` for this one. */
export function TrialActions({ experiment, trial, again, reread }: { experiment: Experiment; trial: Trial; again: () => void; reread: () => void }) {
  const may = useMay();
  const [opened, open] = useState<"stop" | "retry" | "note" | null>(null);
  const { spec } = experiment;
  const close = () => open(null);
  const done = () => (again(), reread());
  if (!may("update", "experiments")) return null;
  return (
    <div class="buttons">
      {!spec.study && LIVE.includes(trial.state) && <button type="button" class="danger" onClick={() => open("stop")}>Stop…</button>}
      {!spec.study && !spec.define_by_run && WITHOUT_RESULT.includes(trial.state) && <button type="button" onClick={() => open("retry")}>Retry…</button>}
      <button type="button" onClick={() => open("note")}>{trial.note ? "Edit note…" : "Note…"}</button>
      {opened === "stop" && <Stop experiment={experiment} trial={trial} close={close} done={done} />}
      {opened === "retry" && <Retry experiment={experiment} trial={trial} close={close} done={done} />}
      {opened === "note" && <Note experiment={experiment} number={trial.number} note={trial.note} close={close} noted={reread} />}
    </div>
  );
}

interface Asked { experiment: Experiment; trial: Trial; close: () => void; done: () => void }

function Stop({ experiment: { namespace, name }, trial: { number }, close, done }: Asked) {
  const act = async () => {
    await send("POST", pathOf(namespace, `experiments/${name}/trials/${number}/stop`));
    done();
  };
  return (
    <Dialog title={`Stop trial ${number}?`} verb="Stop" danger command={tunelet(namespace, "stop", name, `${number}`)} act={act} close={close}>
      <p>Its run ends, and the next trial takes its place. It is not a failure, and counts as one of max_trials.</p>
    </Dialog>
  );
}

function Retry({ experiment: { namespace, name }, trial: { number }, close, done }: Asked) {
  const [key] = useState(() => crypto.getRandomValues(new Uint32Array(4)).join("-"));
  const act = async () => {
    await send("POST", pathOf(namespace, `experiments/${name}/trials/${number}/retry`), undefined, { "Idempotency-Key": key });
    done();
  };
  return (
    <Dialog title={`Retry trial ${number}?`} verb="Retry" command={tunelet(namespace, "retry", name, `${number}`)} act={act} close={close}>
      <p>A new trial has the same hyperparameters and runs next. max_trials rises by one, and an experiment that has spent its trials continues.</p>
    </Dialog>
  );
}
