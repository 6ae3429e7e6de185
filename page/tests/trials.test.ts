import assert from "node:assert/strict";
import { test } from "node:test";
import { improvements } from "../src/data/best";
import { dimensions, isLog } from "../src/data/dimensions";
import { among, every, rowsOf, test as filter } from "../src/data/filter";
import { byRank, ranks } from "../src/views/parallel";
import { importances } from "../src/data/importance";
import { Trials, type Block } from "../src/data/trials";
import type { Spec } from "../src/documents";
import { lanes } from "../src/views/timeline";
import { ordered } from "../src/trials/table";

const NAMES = ["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL", "STOPPED"];
const SPEC = {
  name: "digits", namespace: "default", constraints: [], objectives: [{ metric: "loss", direction: "minimize", goal: null }],
  hyperparameters: { rate: { type: "float", min: 0, max: 1 }, kind: { type: "categorical", choices: ["a", "b"] } },
  model_training_code: { image: "train", command: [], args: [] },
} as unknown as Spec;

function block(numbers: number[], fields: Partial<Block> = {}): Block {
  return {
    numbers, state_names: NAMES, states: numbers.map(() => 2), attempts: numbers.map(() => 1), created_at: numbers.map(() => 1),
    started_at: numbers.map((n) => n), finished_at: numbers.map((n) => n + 1), hyperparameters: {}, values: {}, ...fields,
  };
}

function trials(losses: (number | string | null)[], hyperparameters: Block["hyperparameters"] = {}): Trials {
  const made = new Trials();
  made.put(block(losses.map((_, index) => index), { values: { loss: losses }, hyperparameters }));
  return made;
}

test("rows keep their values when there is more room, and a new column is empty before", () => {
  const made = trials([1, 2]);
  const many = Array.from({ length: 5000 }, (_, index) => index + 2);
  made.put(block(many, { values: { loss: many, late: many } }));
  assert.equal(made.count, 5002);
  assert.equal(made.values.get("loss")?.data[1], 2);
  assert.ok(Number.isNaN(made.values.get("late")?.data[1]));
  assert.equal(made.values.get("late")?.data[5001], 5001);
});

test("a trial is open until it has ended", () => {
  const made = new Trials();
  made.put(block([0, 1], { finished_at: [null, null], states: [1, 1] }));
  assert.deepEqual(made.open(), [0, 1]);
  made.put(block([0]));
  assert.deepEqual(made.open(), [1]);
});

test("values that are not finite come as text", () => {
  const data = trials([1, "NaN", "Infinity", null]).values.get("loss")?.data;
  assert.deepEqual([...(data ?? [])].slice(0, 4), [1, NaN, Infinity, NaN]);
});

test("a column becomes names if a later trial chose one", () => {
  const made = trials([1, 2], { depth: [3, 4] });
  made.put(block([2], { hyperparameters: { depth: ["deep"] } }));
  const column = made.hyperparameters.get("depth");
  assert.deepEqual(column?.names, [3, 4, "deep"]);
  assert.deepEqual([...column.data].slice(0, 4), [0, 1, 2, NaN]);
});

test("choices are in the order of the spec, even if they are numbers", () => {
  const made = new Trials(new Map([["batch", [32, 64, 128]]]));
  made.put(block([0], { hyperparameters: { batch: [128] } }));
  assert.deepEqual(made.hyperparameters.get("batch")?.names, [32, 64, 128]);
  assert.equal(made.hyperparameters.get("batch")?.data[0], 2);
});

test("the best so far ignores failed and infeasible trials", () => {
  const made = trials([3, 1, 2, 0.5], {});
  made.state[1] = 4;
  assert.deepEqual(improvements(made, SPEC, { metric: "loss", direction: "minimize" }), [0, 2, 3]);
  const bound = { ...SPEC, constraints: [{ metric: "loss", min: 1, max: null }] };
  assert.deepEqual(improvements(made, bound, { metric: "loss", direction: "minimize" }), [0, 2]);
});

test("an expression lets through what meets all its terms", () => {
  const made = trials([0.1, 0.2, 0.3, null], { kind: ["a", "b", "b", "a"] });
  made.state[2] = 3;
  const all = dimensions(made, SPEC);
  const found = (text: string) => {
    const passes = filter(text, made, all);
    return typeof passes === "string" ? passes : [...rowsOf(made, passes, new Map(), all)];
  };
  assert.deepEqual(found("loss < 0.25 and state=complete"), [0, 1]);
  assert.deepEqual(found("kind=b"), [1, 2]);
  assert.deepEqual(found("pruned"), [2]);
  assert.deepEqual(found("kind!=b loss>=0"), [0]);
  assert.deepEqual(found(""), [0, 1, 2, 3]);
  assert.match(String(found("speed>1")), /speed is no hyperparameter/);
  assert.match(String(found("loss<low")), /low is no number/);
});

test("an expression finds values with blanks, quotes and commas, and one of several", () => {
  const kinds = ["adam", "a b", "a, b", "it's", null];
  const made = trials([0.1, 0.2, 0.3, 0.4, null], { opt: kinds, "batch size": [32, 64, 128, 64, 32] });
  const columns = new Trials(new Map([["size", [32, 64, 128]]]));
  columns.put(block([0, 1, 2], { hyperparameters: { size: [32, 128, 64] } }));
  const search = (text: string, given: Trials) => {
    const all = dimensions(given, { ...SPEC, hyperparameters: {} });
    const passes = filter(text, given, all);
    return typeof passes === "string" ? passes : [...rowsOf(given, passes, new Map(), all)];
  };
  const found = (text: string) => search(text, made);
  for (const [text, rows] of Object.entries({
    "opt='adam'": [0], 'opt = "a b"': [1], "opt='A B'": [1], 'opt="a, b"': [2], "opt=it's": [3], 'opt="it\'s"': [3],
    "opt=adam,'a b'": [0, 1], "opt!=adam, 'a b'": [2, 3, 4], "opt=adam, loss<1": [0], "loss<0.25, complete": [0, 1], "loss=0.1,0.4": [0, 3],
    '"a b"': [1], "'batch size'=64 loss>0.3": [3], '"Batch Size">=64': [1, 2, 3], "loss<0.2 or loss>0.3": [0, 3], "loss<0.2 || opt=it's and loss>0": [0, 3],
    "opt=null": [4], "opt!=null": [0, 1, 2, 3], "loss=null": [4], "loss!=none": [0, 1, 2, 3], "loss==0.1": [0], "loss=>0.3": [2, 3], "loss=<0.2": [0, 1], "loss!==0.1": [1, 2, 3, 4], "loss===0.1": [0], "loss<>0.1": [1, 2, 3, 4], "loss≤0.2": [0, 1], "loss>−1": [0, 1, 2, 3], "loss<inf": [0, 1, 2, 3],
  })) assert.deepEqual(found(text), rows, text);
  assert.deepEqual([found("#3"), found("4 or 0")], [[3], [0, 4]]);
  assert.deepEqual(search("size<100", columns), [0, 2]);
  assert.deepEqual(search("size=64,128", columns), [1, 2]);
});

test("what an expression cannot mean is said, and is not an empty answer", () => {
  const made = trials([0.1, 0.2], { opt: ["adam", "a b"] });
  const all = dimensions(made, SPEC);
  for (const [text, fault] of Object.entries({
    "opt=a b": 'opt has no value a: use one of adam, "a b"', "opt in adam": "compare opt with a value, as in opt=adam", loss: "compare loss with a value, as in loss<1",
    forest: "forest is neither a state nor a part of any value here", "opt='ad": "'ad begins with a quote that does not end", "loss<": "there is no value after loss<",
    "<1": "there is no name before <", "loss<0.2 or": "there is no term beside or", "not complete": "not is not understood: write !=, as in state!=complete",
    "#2": "there is no trial 2", "state=done": "done is no state: use one of waiting, running, complete, pruned, fail, stopped", "opt<b": "use opt= or opt!=: it has names", "loss><1": "> < is not understood: write one of =, !=, <, <=, > and >= after loss", "loss<null": "use loss=null or loss!=null",
  })) assert.equal(filter(text, made, all), fault, text);
});

test("a brush keeps rows in its range, and none without a value", () => {
  const made = trials([0.1, 0.2, 0.3, null]);
  const all = dimensions(made, SPEC);
  assert.deepEqual([...rowsOf(made, () => true, new Map([["v:loss", { low: 0.15, high: 9 }]]), all)], [1, 2]);
});

test("a hyperparameter that decides is important, one that does not is not", () => {
  const losses = Array.from({ length: 200 }, (_, index) => index / 200);
  const made = trials(losses, { rate: losses, other: losses.map((_, index) => ((index * 37) % 200) / 200) });
  const all = dimensions(made, SPEC).filter((each) => each.id.startsWith("h:"));
  const shares = importances(made, Int32Array.from(losses.keys()), all, { metric: "loss", direction: "minimize" });
  assert.equal(shares[0]?.[0].label, "rate");
  assert.ok((shares[0]?.[1] ?? 0) > 0.8);
});

test("the shares are those of tunelet.client.importance", () => {
  const numbers = Array.from({ length: 60 }, (_, index) => index);
  const [rate, kind] = [numbers.map((index) => ((index * 37) % 60) / 60), numbers.map((index) => "abc"[index % 3] ?? "")];
  const made = trials(numbers.map((index) => Math.abs((rate[index] ?? 0) - 0.3) + (kind[index] === "a" ? 0 : 0.2)), { rate, kind });
  const all = dimensions(made, SPEC).filter((each) => each.id.startsWith("h:"));
  const shares = importances(made, Int32Array.from(numbers), all, { metric: "loss", direction: "minimize" });
  assert.deepEqual(shares.map(([{ label }, share]) => [label, share.toFixed(4)]), [["rate", "0.6336"], ["kind", "0.3664"]]);
});

test("equal values tell no importance", () => {
  const numbers = Array.from({ length: 60 }, (_, index) => index);
  const made = trials(numbers.map(() => 0.24), { rate: numbers.map((index) => ((index * 37) % 60) / 60) });
  const all = dimensions(made, SPEC).filter((each) => each.id.startsWith("h:"));
  assert.deepEqual(importances(made, Int32Array.from(numbers), all, { metric: "loss", direction: "minimize" }), []);
});

test("a lognormal number is seen on its logarithm", () => {
  const hyperparameters = { rate: { type: "lognormal", mean: -5, std: 1 }, noise: { type: "float", min: 0, max: 1 } };
  const numbers = Array.from({ length: 60 }, (_, index) => index);
  const logs = numbers.map((index) => -7 + (4 * ((index * 37) % 60)) / 60);
  const made = trials(logs.map((each) => Math.abs(each + 5)), { rate: logs.map(Math.exp), noise: numbers.map((index) => ((index * 7) % 60) / 60) });
  const all = dimensions(made, { ...SPEC, hyperparameters }).filter((each) => each.id.startsWith("h:"));
  const shares = importances(made, Int32Array.from(numbers), all, { metric: "loss", direction: "minimize" });
  assert.deepEqual(shares.map(([{ label }, share]) => [label, share.toFixed(4)]), [["rate", "0.9978"], ["noise", "0.0022"]]);
  assert.equal(isLog(hyperparameters.rate), true);
  assert.equal(isLog({ ...hyperparameters.rate, step: 1 }), false); // a multiple of a step may be 0
});

test("rows without a value are last in either direction", () => {
  const data = [2, NaN, 1];
  const rows = Int32Array.from([0, 1, 2]);
  assert.deepEqual([...ordered(rows, (row) => data[row] ?? NaN, false)], [2, 0, 1]);
  assert.deepEqual([...ordered(rows, (row) => data[row] ?? NaN, true)], [0, 2, 1]);
});

test("trials share a lane only if they did not run at the same time", () => {
  const made = new Trials();
  made.put(block([0, 1, 2], { started_at: [0, 1, 5], finished_at: [4, 9, 7] }));
  const { bars, count } = lanes(made, Int32Array.from([0, 1, 2]), 10);
  assert.equal(count, 2);
  assert.deepEqual(bars.map((bar) => bar.lane), [0, 1, 0]);
});

test("a bar begins earlier by the time that earlier attempts ran, and a retry is known", () => {
  const made = new Trials();
  made.put(block([0, 1, 2], { started_at: [0, 6, 7], finished_at: [4, 9, 8], attempts: [1, 3, 1], earlier_seconds: { 1: 3 }, retries: { 2: 0 } }));
  const { bars, count } = lanes(made, Int32Array.from([0, 1, 2]), 10);
  assert.equal(count, 2);
  assert.deepEqual(bars.map(({ row, begun, from, to }) => [row, begun, from, to]), [[0, 0, 0, 4], [1, 3, 6, 9], [2, 7, 7, 8]]);
  assert.deepEqual([...made.retries], [[2, 0]]);
});

test("a brush picks from sorted rows and keeps their order", () => {
  assert.deepEqual([...every(3)], [0, 1, 2]);
  assert.deepEqual([...among(Int32Array.from([2, 0, 1]), Int32Array.from([0, 2]))], [2, 0]);
});

test("the best row has rank 0, and one without a value has none", () => {
  const ranked = byRank(every(3), Float64Array.from([2, NaN, 5]), -1);
  assert.deepEqual([...ranked], [2, 0]);
  assert.deepEqual([...ranks(3, ranked)], [1, NaN, 0]);
});

test("over time the best is the best of the trials that had ended", () => {
  const made = new Trials();
  made.put(block([0, 1, 2], { finished_at: [9, 3, 5], values: { loss: [3, 2, 1] } }));
  const ended = dimensions(made, SPEC).find((each) => each.id === "ended");
  assert.ok(ended);
  assert.deepEqual(improvements(made, SPEC, SPEC.objectives[0]!, ordered(every(3), ended.at, false)), [1, 2]);
  assert.deepEqual(improvements(made, SPEC, SPEC.objectives[0]!), [0, 1, 2]);
});
