// What the person may do with an experiment. Each asks first and shows its command.

import { useState } from "preact/hooks";
import { pathOf, send } from "../api";
import type { Followed } from "../data/follow";
import { count } from "../format";
import { go } from "../hooks";
import { Dialog } from "../parts/dialog";
import { useMay } from "../rights";
import { NEW } from "../route";
import { takesProposals, tunelet } from "../trials/command";
import { Extend } from "./extend";
import { EditLabels } from "./labels";
import { Note } from "./note";
import { Propose } from "./propose";

type Verb = "pause" | "resume" | "stop";
type Opened = Verb | "extend" | "propose" | "note" | "labels" | "delete" | null;

const SAYS: Record<Verb, string> = {
  pause: "No further trials are started. Trials that run continue.",
  resume: "The experiment continues where it was.",
  stop: "The experiment ends, and its running trials with it. Their results stay.",
};

export function Actions({ followed, done }: { followed: Followed; done: () => void }) {
  const [opened, open] = useState<Opened>(null);
  const { overview, experiment } = followed;
  const { state } = overview;
  const study = experiment.spec.study != null;
  const may = useMay();
  const change = may("update", "experiments");
  const close = () => open(null);
  return (
    <div class="actions">
      {change && state === "RUNNING" && !study && <button type="button" onClick={() => open("pause")}>Pause</button>}
      {change && (state === "PAUSED" || state === "STOPPED") && <button type="button" onClick={() => open("resume")}>Resume</button>}
      {change && (state === "RUNNING" || state === "PAUSED") && <button type="button" onClick={() => open("stop")}>Stop</button>}
      {may("create", "experiments") && !study && <button type="button" onClick={() => go({ namespace: experiment.namespace, name: NEW, query: { from: experiment.name } })}>Clone</button>}
      {change && !study && state !== "DAMAGED" && <button type="button" onClick={() => open("extend")}>Extend</button>}
      {may("create", "trials") && takesProposals(experiment.spec) && (state === "RUNNING" || state === "PAUSED") && <button type="button" onClick={() => open("propose")}>Propose</button>}
      {change && state !== "DAMAGED" && <button type="button" onClick={() => open("note")}>Note</button>}
      {change && state !== "DAMAGED" && <button type="button" onClick={() => open("labels")}>Labels</button>}
      {may("delete", "experiments") && <button type="button" class="danger" onClick={() => open("delete")}>Delete</button>}
      {(opened === "pause" || opened === "resume" || opened === "stop") && <Change verb={opened} followed={followed} close={close} done={done} />}
      {opened === "extend" && <Extend followed={followed} close={close} done={done} />}
      {opened === "propose" && <Propose followed={followed} trial={null} close={close} done={done} />}
      {opened === "note" && <Note experiment={experiment} number={null} note={experiment.note} close={close} noted={done} />}
      {opened === "labels" && <EditLabels followed={followed} close={close} done={done} />}
      {opened === "delete" && <Delete followed={followed} close={close} />}
    </div>
  );
}

function Change({ verb, followed: { experiment }, close, done }: { verb: Verb; followed: Followed; close: () => void; done: () => void }) {
  const { namespace, name } = experiment;
  const title = verb.charAt(0).toUpperCase() + verb.slice(1);
  const act = async () => {
    await send("POST", pathOf(namespace, `experiments/${name}/${verb}`));
    done();
  };
  return <Dialog title={`${title} ${name}?`} verb={title} command={tunelet(namespace, verb, name)} danger={verb === "stop"} act={act} close={close}><p>{SAYS[verb]}</p></Dialog>;
}

function Delete({ followed: { experiment, trials }, close }: { followed: Followed; close: () => void }) {
  const { namespace, name } = experiment;
  const [typed, type] = useState("");
  const act = async () => {
    await send("DELETE", pathOf(namespace, `experiments/${name}`));
    go({ namespace, name: null, query: {} });
  };
  return (
    <Dialog title={`Delete ${name}?`} verb="Delete" danger ready={typed === name} command={tunelet(namespace, "delete", name, "--yes")} act={act} close={close}>
      <p>Its {count(trials.count, "trial")}, outputs and checkpoints are removed. This cannot be undone.</p>
      <label class="field">Type <b>{name}</b> to confirm
        <input value={typed} autocomplete="off" spellcheck={false} onInput={(event) => type(event.currentTarget.value)} />
      </label>
    </Dialog>
  );
}
