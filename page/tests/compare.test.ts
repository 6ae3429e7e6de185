import assert from "node:assert/strict";
import { test } from "node:test";
import { apart, hyperparametersOf, nameOf, namesOf, objectiveIn, objectivesOf, seriesOf, valueAt } from "../src/compare/series";
import { rangeOf } from "../src/data/dimensions";
import type { Followed } from "../src/data/follow";
import { Trials } from "../src/data/trials";
import { format, parse } from "../src/route";

const LOSS = { metric: "loss", direction: "minimize" } as const;

/** An experiment whose trials ended at these seconds with these values. */
function followed(name: string, ended: number[], values: number[], direction = "minimize", metric = "loss"): Followed {
  const trials = new Trials();
  const numbers = ended.map((_, number) => number);
  trials.put({
    numbers, state_names: ["COMPLETE"], states: numbers.map(() => 0), attempts: numbers.map(() => 1), created_at: numbers.map(() => 100),
    started_at: numbers.map(() => 100), finished_at: ended.map((second) => 100 + second), hyperparameters: { [name]: values }, values: { [metric]: values },
  });
  const spec = { objectives: [{ metric, direction, goal: null }], constraints: [], hyperparameters: { rate: { type: "float", min: 0.1, max: 1, log: true } } };
  return { experiment: { name, uid: name, spec }, trials, version: 0, whole: true } as unknown as Followed;
}

test("the best so far goes over trials, or over time by the ends of trials", () => {
  const one = followed("a", [9, 3, 5], [3, 2, 1]);
  assert.deepEqual(seriesOf(one, LOSS, "trials", 0)?.points, [[0, 3], [1, 2], [2, 1]]);
  const overTime = seriesOf(one, LOSS, "time", 0);
  assert.deepEqual(overTime?.points, [[3, 2], [5, 1]]);
  assert.equal(overTime?.last, 9);
  assert.equal(seriesOf(followed("b", [1, 2], [1, 2], "maximize"), { ...LOSS, direction: "maximize" }, "trials", 0)?.points.length, 2);
});

test("an experiment without the objective, or without a value, has no line", () => {
  assert.equal(seriesOf(followed("a", [1], [1]), { ...LOSS, metric: "accuracy" }, "trials", 0), null);
  assert.equal(seriesOf(followed("a", [1], [NaN]), LOSS, "trials", 0), null);
});

test("a line has the best value of a place, and none before its first", () => {
  const line = seriesOf(followed("a", [2, 4], [3, 1]), LOSS, "time", 0);
  assert.ok(line);
  assert.deepEqual([1, 2, 3.9, 4, 9].map((x) => valueAt(line, x)), [NaN, 3, 3, 1, 1]);
});

test("objectives and hyperparameters of all experiments are named once", () => {
  const all = [followed("a", [1], [1]), followed("b", [1], [1], "maximize", "accuracy"), followed("a", [1], [1])];
  assert.deepEqual(objectivesOf(all).map(nameOf), ["minimize loss", "maximize accuracy"]);
  assert.deepEqual(hyperparametersOf(all), ["rate", "a", "b"]);
});

test("experiments with another direction or objective are not compared, but named", () => {
  const all = [followed("a", [1], [1]), followed("b", [1, 2], [1, 2], "maximize"), followed("c", [1], [1], "maximize", "accuracy")];
  const objectives = objectivesOf(all);
  assert.deepEqual(objectives.map(nameOf), ["minimize loss", "maximize loss", "maximize accuracy"]);
  assert.deepEqual(all.map((each) => seriesOf(each, LOSS, "trials", 0)?.name), ["a", undefined, undefined]);
  assert.deepEqual(apart(all, LOSS), ["b (maximize loss)", "c (maximize accuracy)"]);
  const named = (query: Record<string, string>) => nameOf(objectiveIn(objectives, query)!);
  assert.deepEqual([named({}), named({ metric: "gone" }), named({ metric: "loss" })], ["minimize loss", "minimize loss", "minimize loss"]);
  assert.deepEqual([named({ metric: "loss", direction: "maximize" }), named({ metric: "accuracy", direction: "minimize" })], ["maximize loss", "maximize accuracy"]);
});

test("a range is said in words", () => {
  assert.equal(rangeOf({ type: "float", min: 0.1, max: 1, log: true }), "0.1 … 1, log");
  assert.equal(rangeOf({ type: "categorical", choices: ["a", { value: 2, weight: 3 }] }), "a, 2");
  assert.equal(rangeOf({ type: "normal", mean: 1, std: 0.5 }), "1 ± 0.5");
  assert.equal(rangeOf(undefined), "–");
});

test("the address of a comparison names its experiments, each once", () => {
  const address = format({ namespace: "default", name: "=", query: { names: "a,b" } });
  assert.equal(address, "#/default/=?names=a,b");
  assert.deepEqual(parse(address), { namespace: "default", name: "=", query: { names: "a,b" } });
  assert.deepEqual(namesOf("a,,b,a"), ["a", "b"]);
});
