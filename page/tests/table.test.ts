import assert from "node:assert/strict";
import { test } from "node:test";
import { dimensions } from "../src/data/dimensions";
import { every, rowsOf, test as filter } from "../src/data/filter";
import { Trials } from "../src/data/trials";
import type { Spec } from "../src/documents";
import { columnsOf, inSight, isChosen } from "../src/trials/table";
import { csv } from "../src/trials/csv";
import { usualOf } from "../src/views/axes";

const NAMES = Array.from({ length: 40 }, (_, place) => `h${place}`);
const SPEC = { objectives: [{ metric: "loss", direction: "minimize" }], constraints: [], hyperparameters: Object.fromEntries(NAMES.map((name) => [name, { type: "float", min: 0, max: 1 }])) } as unknown as Spec;

test("of many hyperparameters the table shows those that are chosen, in their order, and the one that it is sorted by", () => {
  const trials = new Trials();
  const columns = columnsOf(dimensions(trials, SPEC), trials);
  const shown = (names: string[], sorted: string) => inSight(columns, names.flatMap((name) => columns.find(({ label }) => label === name) ?? []), sorted).map(({ label }) => label);
  assert.deepEqual(shown(["h7", "h3"], "number"), ["trial", "state", "loss", "h7", "h3", "time"]);
  assert.deepEqual(shown(["h7"], "h:h30"), ["trial", "state", "loss", "h7", "h30", "time"]);
  assert.deepEqual(shown(["h7", "h3"], "h:h3"), ["trial", "state", "loss", "h7", "h3", "time"]);
});

test("attributes are columns that one chooses, of trials that have them, and terms of the filter", () => {
  const trials = new Trials();
  const numbers = [0, 1, 2];
  const block = {
    numbers, state_names: ["COMPLETE"], states: [0, 0, 0], attempts: [1, 1, 1], created_at: [0, 0, 0], started_at: [0, 0, 0], finished_at: [1, 1, 1],
    hyperparameters: { h0: [1, 2, 3] }, values: { loss: [1, 2, 3] }, attributes: { host: { 0: "a", 2: "b" }, gpus: { 1: 2 } },
  };
  trials.put(block);
  const spec = { ...SPEC, hyperparameters: {} };
  const all = dimensions(trials, spec);
  const columns = columnsOf(all, trials);
  const labels = (chosen: string[]) => inSight(columns, columns.filter(({ id }) => chosen.includes(id)), "number").map(({ label }) => label);
  assert.deepEqual(labels(["h:h0"]), ["trial", "state", "loss", "h0", "time"]);
  assert.deepEqual(labels(["a:host"]), ["trial", "state", "loss", "attributes.host", "time"]);
  assert.deepEqual(columns.filter(isChosen).map(({ id }) => id), ["h:h0", "a:host", "a:gpus"]);
  const found = (text: string) => {
    const passes = filter(text, trials, all);
    return typeof passes === "string" ? passes : [...rowsOf(trials, passes, new Map(), all)];
  };
  assert.deepEqual([found("attributes.host=b"), found("attributes.gpus>1"), found("attributes.host=null")], [[2], [1], [1]]);
  const [names, first] = csv(trials, spec, every(3)).join("").split("\r\n");
  assert.match(names ?? "", /,values.loss,attributes.host,attributes.gpus$/);
  assert.match(first ?? "", /,1,a,$/);
  // A number may become a text later, and a trial that is followed gets more.
  trials.put({ ...block, numbers: [1], attributes: { host: { 1: "c" }, gpus: { 1: "many" } } });
  assert.deepEqual([trials.attributes.get("gpus")?.names, [...trials.attributes.get("host")!.data.subarray(0, 3)]], [[2, "many"], [0, 2, 1]]);
  trials.put({ ...block, numbers: [5000], attributes: { host: { 5000: "b" } } });
  assert.deepEqual([0, 2, 5000].map((row) => trials.attributes.get("host")!.data[row]), [0, 1, 1]);
});

test("without an objective the first hyperparameters are the usual ones", () => {
  const given = dimensions(new Trials(), SPEC).filter(({ id }) => id.startsWith("h:"));
  assert.deepEqual(usualOf(new Trials(), new Int32Array(), given, undefined).map(({ label }) => label), NAMES.slice(0, 12));
});
