// Reads an experiment's log as docs/concepts/protocol.md describes it, with nothing but Node's own modules.
//
//     node reader.mjs FOLDER NAMESPACE EXPERIMENT [--all]
//
// With --all from the first entry on, else from the newest snapshot and the segments.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, existsSync } from "node:fs";
import { join } from "node:path";

const FORMAT = 1;
const [folder, namespace, name, how] = process.argv.slice(2);
const root = join(folder, "v1", namespace, name);

const padded = (n) => String(n).padStart(20, "0");
const entryPath = (seq) => join(root, "journal", `${padded(seq)}.json`);

function refuse(message) {
  console.error(message);
  process.exit(1);
}

function entry(seq, previous) {
  const bytes = readFileSync(entryPath(seq));
  const cut = bytes.length - 74;
  const body = Buffer.concat([bytes.subarray(0, cut), Buffer.from("}")]);
  const sum = createHash("sha256").update(body).digest("hex");
  if (bytes.subarray(cut).toString() !== `,"sum":"${sum}"}`) refuse(`entry ${seq} is altered`);
  const read = JSON.parse(body);
  if (read.format > FORMAT) refuse(`entry ${seq} is of format ${read.format}: too new`);
  if (read.seq !== seq || (previous !== null && read.prev !== previous)) {
    refuse(`entry ${seq} is foreign`);
  }
  return { events: read.events, sum };
}

function fold(state, event) {
  if (event.type === "Submitted") {
    return { uid: event.uid, state: "RUNNING", reason: null, nextNumber: 0, trials: new Map() };
  }
  const trial = state?.trials.get(event.number);
  switch (event.type) {
    case "TrialsCreated":
      event.assignments.forEach((hyperparameters, place) => {
        const number = event.first + place;
        state.trials.set(number, {
          number, hyperparameters, state: "WAITING", attempt: 1, reports: [], values: {},
        });
      });
      state.nextNumber = event.first + event.assignments.length;
      break;
    case "AttemptStarted":
      trial.state = "RUNNING";
      break;
    case "Reported":
      report(trial, event.reports);
      break;
    case "Assigned":
      trial.hyperparameters = event.chosen.hyperparameters;
      trial.chosen = Object.keys(event.chosen.space ?? {}).length > 0;
      break;
    case "TrialChanged":
      change(trial, event.changes);
      break;
    case "AttemptLost":
      if (trial.chosen) trial.hyperparameters = {};
      Object.assign(trial, { state: "WAITING", attempt: trial.attempt + 1, reason: event.reason });
      trial.values = {};
      break;
    case "TrialEnded":
      Object.assign(trial, { state: endOf(event), reason: event.reason });
      if (event.exact) trial.values = {};
      else if (trial.attempt > 1) trial.values = newest(trial, event.own ? trial.attempt : null);
      Object.assign(trial.values, event.values);
      break;
    case "Paused":
      state.state = "PAUSED";
      break;
    case "Resumed":
      Object.assign(state, { state: "RUNNING", reason: null });
      break;
    case "Ended":
      Object.assign(state, { state: event.state, reason: event.reason });
      break;
    case "Deleted":
      if (state) Object.assign(state, { state: "DELETED", trials: new Map() });
      break;
  }
  return state;
}

function report(trial, reports) {
  const bySteps = new Map(trial.reports.map((each) => [each.step, each]));
  for (const one of reports) {
    const old = bySteps.get(one.step);
    const same = old !== undefined && (old.attempt ?? 1) === (one.attempt ?? 1);
    bySteps.set(one.step, same ? { ...one, values: { ...one.values, ...old.values } } : one);
  }
  trial.reports = [...bySteps.values()].sort((a, b) => a.step - b.step);
  trial.values = newest(trial, trial.attempt);
}

function change(trial, { hyperparameters, space, reports = [] }) {
  trial.hyperparameters = { ...trial.hyperparameters, ...hyperparameters };
  trial.chosen ||= Object.keys(space ?? {}).length > 0;
  if (reports.length === 0) return;
  const bySteps = new Map([...trial.reports, ...reports].map((each) => [each.step, each]));
  trial.reports = [...bySteps.values()].sort((a, b) => a.step - b.step);
  trial.values = { ...trial.reports.at(-1).values };
}

/** Of each metric the last value that this attempt reported; null: that any did. */
function newest(trial, attempt) {
  const counted = trial.reports.filter((each) => [null, each.attempt ?? 1].includes(attempt));
  return Object.assign({}, ...counted.map((each) => each.values));
}

function start() {
  const purged = join(root, "journal", "purged");
  const first = existsSync(purged) ? Number(readFileSync(purged)) : 1;
  const nothing = { seq: first - 1, sum: null, state: null, ended: [] };
  const snapshots = join(root, "snapshots");
  if (how === "--all" || !existsSync(snapshots)) return nothing;
  const [newest] = readdirSync(snapshots).sort();
  if (newest === undefined) return nothing;
  const head = JSON.parse(readFileSync(join(snapshots, newest)));
  if (head.format > FORMAT) refuse(`snapshot ${newest} is of format ${head.format}: too new`);
  return { seq: head.seq, sum: head.sum, state: live(head.experiment), ended: segments(head) };
}

function live(experiment) {
  if (experiment === null) return null;
  const trials = Object.values(experiment.trials).map((each) => [each.number, filled(each)]);
  return {
    uid: experiment.uid, state: experiment.state, reason: experiment.reason,
    nextNumber: experiment.next_number, trials: new Map(trials),
  };
}

function filled(trial) {
  const all = { state: "WAITING", attempt: 1, reports: [], values: {}, ...trial };
  return { ...all, state: endOf(all) };
}

// Older versions wrote STOPPED as FAIL with `cancelled`.
const endOf = ({ state, cancelled }) => (cancelled ? "STOPPED" : state);

function segments(head) {
  return head.segments
    .filter((each) => each.trials > 0)
    .flatMap(({ level, seq }) => {
      const path = join(root, "segments", String(level), `${padded(seq)}.json`);
      return readFileSync(path, "utf8").trimEnd().split("\n").map((line) => filled(JSON.parse(line)));
    });
}

let { seq, sum, state, ended } = start();
while (existsSync(entryPath(seq + 1))) {
  const next = entry(++seq, sum === "" ? "" : sum);
  sum = next.sum;
  for (const event of next.events) {
    state = fold(state, event);
    if (event.type === "Submitted" || event.type === "Deleted") ended = [];
  }
}
if (state === null) refuse(`there is no experiment ${namespace}/${name}`);
const trials = [...ended, ...state.trials.values()].sort((a, b) => a.number - b.number);
const { uid, reason, nextNumber } = state;
console.log(JSON.stringify({ uid, state: state.state, reason, nextNumber, trials }));
