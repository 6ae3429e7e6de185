import assert from "node:assert/strict";
import { test } from "node:test";
import { kindsOf, MISSES, top } from "../src/data/best";
import { dimensions } from "../src/data/dimensions";
import { every } from "../src/data/filter";
import { Trials } from "../src/data/trials";
import type { Objective, Spec } from "../src/documents";
import { axesOf, axesText, usualOf } from "../src/views/axes";
import { topOf } from "../src/views/top";

const LOSS: Objective = { metric: "loss", direction: "minimize" };
const NAMES = ["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL", "STOPPED"];

function made(losses: (number | string | null)[], hyperparameters: Record<string, number[]> = {}, states = losses.map(() => 2)): Trials {
  const found = new Trials();
  const [numbers, ones] = [losses.map((_, row) => row), losses.map(() => 1)];
  found.put({ numbers, state_names: NAMES, states, attempts: ones, created_at: ones, started_at: ones, finished_at: ones, hyperparameters, values: { loss: losses } });
  return found;
}

function spec(names: readonly string[], constraints: Spec["constraints"] = []): Spec {
  return { objectives: [LOSS], constraints, hyperparameters: Object.fromEntries(names.map((name) => [name, { type: "float", min: 0, max: 1 }])) } as unknown as Spec;
}

test("the best of the rows in sight are complete and meet the constraints", () => {
  const trials = made([5, 1, 4, "NaN", 2, 3, 0], {}, [2, 2, 2, 2, 2, 4, 2]);
  const bounded = spec([], [{ metric: "loss", min: 0.5, max: null }]);
  assert.deepEqual([...top(trials, bounded, LOSS, every(7), 2)], [1, 4]);
  assert.deepEqual([...top(trials, bounded, { ...LOSS, direction: "maximize" }, every(7), 2)], [0, 2]);
  assert.deepEqual([...top(trials, bounded, LOSS, Int32Array.from([0, 2, 3]), 1)], [2]);
  assert.deepEqual([...top(trials, bounded, LOSS, every(7), 100)], [0, 1, 2, 4]);
});

test("of equal values the first trials are the best", () => {
  assert.deepEqual([...top(made([1, 1, "Infinity", 1, "Infinity"]), spec([]), LOSS, every(5), 2)], [0, 1]);
});

test("a trial that misses a constraint is of a kind of its own only if it is complete", () => {
  const trials = made([1, 5, 5, null, null], {}, [2, 2, 3, 4, 2]);
  const bounded = spec([], [{ metric: "loss", min: null, max: 2 }]);
  assert.deepEqual([...kindsOf(trials, bounded.constraints)], [2, MISSES, 3, 4, MISSES]);
  assert.deepEqual([...kindsOf(trials, [])], [2, 2, 3, 4, 2]);
});

test("an address asks for a whole number of the best", () => {
  assert.deepEqual(["20", "0", "-1", "1.5", "", undefined, "many"].map(topOf), [20, null, null, null, null, null, null]);
});

test("of many hyperparameters the most important ones have an axis, of a few all in their order", () => {
  const names = Array.from({ length: 40 }, (_, index) => `noise${index}`).concat("main");
  const losses = Array.from({ length: 60 }, (_, index) => index / 60);
  const values = Object.fromEntries(names.map((name) => [name, losses.map(() => 0.5)]));
  const trials = made(losses, { ...values, main: losses });
  const labels = (rows: number, given: readonly string[]) => {
    const all = dimensions(trials, spec(given)).filter(({ id, label }) => id.startsWith("h:") && given.includes(label));
    return usualOf(trials, every(rows), all, LOSS).map(({ label }) => label);
  };
  assert.equal(labels(60, names)[0], "main");
  assert.equal(labels(60, names).length, 12);
  assert.deepEqual(labels(2, names), names.slice(0, 12));
  assert.deepEqual(labels(60, ["noise1", "main"]), ["noise1", "main"]);
});

test("the axes of an address are those that exist, in its order, whatever their names have", () => {
  const names = ["a", "b,c", "50%"];
  const all = dimensions(made([1], Object.fromEntries(names.map((name) => [name, [1]]))), spec(names)).filter(({ id }) => id.startsWith("h:"));
  const text = axesText([...all].reverse());
  assert.deepEqual(axesOf(text, all).map(({ label }) => label), ["50%", "b,c", "a"]);
  assert.deepEqual(axesOf("gone,a,a", all).map(({ label }) => label), ["a"]);
  assert.deepEqual(axesOf(undefined, all), []);
});
