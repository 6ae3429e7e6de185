// One trial: what it tried, what came of it, and how to repeat it.

import { useState } from "preact/hooks";
import { TrialActions } from "../actions/trial";
import { address, get, pathOf } from "../api";
import type { Followed } from "../data/follow";
import { STATES } from "../data/trials";
import { LIVE, measured, type Spec, type Trial } from "../documents";
import { duration, instant, number, scalar, when } from "../format";
import { usePolling } from "../hooks";
import { Copied } from "../parts/copied";
import { Fault } from "../parts/message";
import { useMay } from "../rights";
import { State } from "../parts/state";
import { proposes, takesProposals, training } from "./command";
import { Files } from "./files";
import { Output } from "./output";
import { Reports } from "./reports";

/** A trial with its reports may be large: it is not read with each change of the experiment. */
const SECONDS = 5;
const SECONDS_AT_REST = 3600;

export function Detail({ followed, row, close, propose, again }: {
  followed: Followed; row: number; close: () => void; propose: (trial: Trial) => void; again: () => void;
}) {
  const [asked, ask] = useState(0);
  const { experiment, trials } = followed;
  const { trial, fault } = useTrial(experiment.namespace, experiment.name, row, `${asked} ${experiment.revision} ${experiment.uid} ${trials.attempt[row]} ${trials.finished[row]}`, Number.isNaN(trials.finished[row]));
  return (
    <aside class="detail" aria-label={`Trial ${row}`}>
      <header>
        <h2>Trial {row}</h2>
        <State state={STATES[trials.state[row] ?? 0] ?? ""} />
        {trial && <TrialActions experiment={experiment} trial={trial} again={again} reread={() => ask((old) => old + 1)} />}
        <button type="button" class="close" aria-label="Close the trial" onClick={close}>×</button>
      </header>
      {fault !== null && <Fault fault={fault} />}
      {trial && <Parts followed={followed} trial={trial} propose={propose} />}
    </aside>
  );
}

function Parts({ followed, trial, propose }: { followed: Followed; trial: Trial; propose: (trial: Trial) => void }) {
  const { spec, namespace, name } = followed.experiment;
  const ranHere = !trial.imported && !spec.study;
  return (
    <>
      {trial.reason && <p class={trial.state === "FAIL" ? "reason failed" : "reason"}>{trial.reason}</p>}
      {trial.note && <p class="said"><span class="faint">Note</span> {trial.note}</p>}
      <Pairs title="Values" pairs={Object.entries(trial.values).map(([metric, value]) => [metric, number(measured(value), 6)])} />
      <Pairs title="Hyperparameters" pairs={Object.entries(trial.hyperparameters).map(([each, value]) => [each, typeof value === "number" ? number(value, 6) : scalar(value)])} />
      {trial.reports.length > 0 && <Reports trial={trial} spec={spec} />}
      <Pairs title="Attributes" pairs={Object.entries(trial.attributes).map(([each, value]) => [each, typeof value === "string" ? value : JSON.stringify(value)])} />
      <Pairs title="Course" pairs={course(trial)} />
      <Repeat followed={followed} trial={trial} propose={propose} />
      {ranHere && <Files namespace={namespace} name={name} number={trial.number} round={`${trial.attempt} ${trial.state}`} />}
      {ranHere && (
        <section>
          <h3>Output</h3>
          <Output key={`${trial.number}`} namespace={namespace} name={name} trial={trial} />
        </section>
      )}
    </>
  );
}

/** The commands that run as they are; nothing if there are none. */
function Repeat({ followed: { experiment, overview }, trial, propose }: { followed: Followed; trial: Trial; propose: (trial: Trial) => void }) {
  const { spec } = experiment;
  const may = useMay();
  const command = training(spec, trial.hyperparameters);
  const proposable = address() !== null && takesProposals(spec);
  const live = LIVE.includes(overview.state);
  if (command === null && !proposable) return null;
  return (
    <section>
      <h3>Repeat it</h3>
      {command !== null && <><p class="faint">{where(spec)}</p><Copied text={command} /></>}
      {proposable && live && <Copied text={proposes(spec, trial.hyperparameters)} />}
      {proposable && live && may("create", "trials") && <button type="button" onClick={() => propose(trial)}>Propose a trial like this…</button>}
      {proposable && overview.ended_at !== null && <p class="faint">The experiment has ended: extend it to propose a trial like this.</p>}
    </section>
  );
}

/** Where the training's command is at home; it may name files there. */
function where({ model_training_code: code }: Spec): string {
  if (code.workdir) return "The training, on the service's machine";
  return code.image === "command" ? "The training, on the service's machine; there it began in an empty folder" : "The training, in the folder where its search was started";
}

function course(trial: Trial): [string, string][] {
  const [created, started, ended] = [trial.created_at, trial.started_at, trial.finished_at].map(instant) as [number, number, number];
  const all: [string, string][] = [
    ["created", when(created)], ["started", when(started)], ["ended", when(ended)],
    ["took", duration((ended - started) / 1000)], ["attempts", trial.attempt > 1 ? `${trial.attempt}` : ""],
    ["exit code", trial.exit_code === null ? "" : `${trial.exit_code}`], ["begins with the checkpoint of", trial.parent === null ? "" : `trial ${trial.parent}`],
    ["came by", trial.imported ? "import" : trial.retry_of !== null ? `retry of trial ${trial.retry_of}` : trial.enqueued ? "proposal" : ""],
  ];
  return all.filter(([, text]) => text !== "");
}

function Pairs({ title, pairs }: { title: string; pairs: [string, string][] }) {
  if (pairs.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <dl>{pairs.map(([name, text]) => <div key={name}><dt title={name}>{name}</dt><dd>{text}</dd></div>)}</dl>
    </section>
  );
}

/** The trial, read again while it runs. */
function useTrial(namespace: string, name: string, row: number, key: string, runs: boolean): { trial: Trial | null; fault: unknown } {
  const [found, set] = useState<{ trial: Trial | null; fault: unknown }>({ trial: null, fault: null });
  usePolling(async () => {
    try {
      set({ trial: await get<Trial>(pathOf(namespace, `experiments/${name}/trials/${row}`)), fault: null });
      return true;
    } catch (fault) {
      set((old) => ({ ...old, fault }));
      return false;
    }
  }, runs ? SECONDS : SECONDS_AT_REST, `${namespace}/${name}/${row} ${key}`);
  return found;
}
