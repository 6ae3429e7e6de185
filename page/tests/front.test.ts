import assert from "node:assert/strict";
import { test } from "node:test";
import { frontOf, volumeOf } from "../src/data/front";
import { Trials } from "../src/data/trials";
import type { Spec } from "../src/documents";

// Values of which the last is maximized, with the numbers of Optuna's best trials (the first of equal
// ones) and the hypervolume that Optuna computes up to the worst values.
const KNOWN: [number[][], number[], number][] = [
  [[[0, 1], [1, 5], [2, 4], [4, 9], [3, 9], [0, 9], [2, 6], [6, 8], [5, 8], [7, 8], [4, 0], [0, 5], [7, 5], [6, 6], [8, 2], [8, 2], [3, 3], [0, 2], [5, 2], [2, 8], [8, 5], [8, 8], [2, 7], [6, 8]], [5], 72.0],
  [[[3, 9, 8], [2, 5, 9], [7, 9, 1], [9, 0, 7], [4, 8, 3], [3, 7, 8], [8, 7, 6], [2, 3, 2], [8, 6, 0], [1, 2, 9], [0, 4, 0], [4, 7, 9], [6, 6, 6], [9, 7, 2], [5, 1, 0], [2, 7, 3], [4, 6, 4], [6, 8, 6], [9, 5, 8], [9, 6, 9], [3, 5, 0], [4, 9, 2], [5, 8, 9], [9, 1, 3]], [3, 9, 10, 14], 504.0],
  [[[3, 4, 1, 6], [7, 2, 1, 1], [0, 6, 8, 4], [0, 3, 8, 8], [5, 4, 2, 1], [4, 3, 0, 4], [4, 3, 2, 4], [4, 5, 1, 9], [5, 6, 8, 3], [2, 3, 7, 4], [1, 8, 4, 0], [4, 9, 4, 8], [3, 6, 6, 9], [4, 6, 7, 2], [3, 4, 4, 0], [1, 0, 7, 4], [8, 8, 7, 5], [2, 3, 1, 6], [3, 7, 4, 2], [5, 6, 9, 5], [8, 3, 5, 1], [0, 3, 4, 9], [9, 3, 1, 5], [2, 4, 7, 0]], [1, 5, 7, 15, 17, 21], 3690.0],
];
const NAMES = ["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL", "STOPPED"];

function made(values: number[][], states = values.map(() => 2)): Trials {
  const found = new Trials();
  const ones = values.map(() => 1);
  const columns = Object.fromEntries((values[0] ?? []).map((_, axis) => [`m${axis}`, values.map((each) => each[axis] ?? null)]));
  found.put({
    numbers: values.map((_, row) => row), state_names: NAMES, states, attempts: ones, created_at: ones,
    started_at: ones, finished_at: ones, hyperparameters: {}, values: columns,
  });
  return found;
}

function spec(many: number): Spec {
  const objectives = Array.from({ length: many }, (_, axis) => ({ metric: `m${axis}`, direction: axis === many - 1 ? "maximize" : "minimize", goal: null }));
  return { objectives, constraints: [], hyperparameters: {} } as unknown as Spec;
}

test("the front of two, three and four objectives and its hypervolume are Optuna's", () => {
  for (const [values, best, volume] of KNOWN) {
    const of = spec(values[0]?.length ?? 0);
    const front = frontOf(made(values), of, of.objectives);
    assert.deepEqual([...front.rows].sort((a, b) => a - b), best);
    assert.ok(Math.abs(volumeOf(front) - volume) < 1e-9, `${volumeOf(front)}, not ${volume}`);
  }
});

test("a trial that failed or misses a constraint is not on the front", () => {
  const of = { ...spec(2), constraints: [{ metric: "m0", min: 1, max: null }] } as unknown as Spec;
  const front = frontOf(made([[0, 9], [1, 8], [1, 9], [2, 9], [2, 10]], [2, 2, 4, 2, 2]), of, of.objectives);
  assert.deepEqual(front.rows, [1, 4]);
});

test("a front of many objectives has no volume rather than a slow one, and its rows at once", () => {
  const many = Array.from({ length: 1_600 }, (_, row) => [row % 40, Math.floor(row / 40), -(row % 40) - Math.floor(row / 40), 0]);
  const of = spec(4);
  const front = frontOf(made(many), of, of.objectives);
  assert.equal(front.rows.length, 1_600);
  assert.ok(Number.isNaN(volumeOf(front)));
});
