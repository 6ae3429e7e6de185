import assert from "node:assert/strict";
import { test } from "node:test";
import { dimensions } from "../src/data/dimensions";
import { every } from "../src/data/filter";
import { Trials } from "../src/data/trials";
import type { Spec } from "../src/documents";
import { beginnings } from "../src/list/model";
import { lack } from "../src/views/plot";

const NAMES = ["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL", "STOPPED"];
const SPEC = { objectives: [{ metric: "loss", direction: "minimize" }], constraints: [], hyperparameters: { rate: { type: "float", min: 0, max: 1 } } } as unknown as Spec;

function made(losses: (number | string | null)[], states = losses.map(() => 2)): Trials {
  const found = new Trials();
  const [numbers, ones] = [losses.map((_, row) => row), losses.map(() => 1)];
  found.put({ numbers, state_names: NAMES, states, attempts: ones, created_at: ones, started_at: ones, finished_at: ones, hyperparameters: {}, values: { loss: losses } });
  return found;
}

test("a plot without points says why", () => {
  const all = (trials: Trials) => dimensions(trials, SPEC);
  const said = (trials: Trials, x: string) => lack(trials, every(trials.count), all(trials).find(({ id }) => id === x)!, all(trials).find(({ id }) => id === "v:loss")!);
  assert.equal(said(made([1, null]), "number"), null);
  assert.equal(said(new Trials(), "number"), "No trial has begun yet.");
  assert.equal(said(made([null, "NaN"]), "number"), "No trial has a value of loss yet.");
  assert.equal(said(made([null, null, null], [4, 4, 2]), "number"), "No trial has a value of loss yet. 2 of 3 trials failed.");
  assert.equal(said(made([1]), "h:rate"), "No trial has a value of rate yet.");
});

test("an empty list says how a terminal begins", () => {
  const found = (namespace: string, address: string) => {
    globalThis.location = new URL(address) as unknown as Location;
    return beginnings(namespace);
  };
  const verbs = (namespace: string, address: string) => found(namespace, address).map((each) => each.split(" ")[1]);
  assert.equal(found("default", "http://127.0.0.1:8080/#/")[1], "tunelet run --url http://127.0.0.1:8080 --float lr=1e-5:0.1:log --minimize loss -- python train.py");
  assert.deepEqual(verbs("default", "http://localhost:8080/"), ["submit", "run"]);
  assert.deepEqual([verbs("team", "http://127.0.0.1:8080/"), verbs("default", "https://tunelet.example/")], [["submit"], ["submit"]]);
});
