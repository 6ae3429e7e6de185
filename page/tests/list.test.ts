import assert from "node:assert/strict";
import { test } from "node:test";
import type { Overview } from "../src/documents";
import { renewed, updated } from "../src/list/load";
import { line } from "../src/list/spark";
import { matches, sorted, wordsOf } from "../src/list/model";

function row(name: string, fields: Partial<Overview> = {}): Overview {
  return {
    name, namespace: "default", uid: name, state: "RUNNING", reason: null, submitted_at: "2026-01-01T00:00:00Z", ended_at: null,
    algorithm: "tpe", objectives: [{ metric: "loss", direction: "minimize" }], max_trials: 10, labels: {}, best: null, front: 0,
    counts: { waiting: 0, running: 0, complete: 0, pruned: 0, failed: 0, stopped: 0 }, ...fields,
  };
}
const best = (loss: number | string) => ({ best: { number: 0, values: { loss } } });

test("rows without a best value come last in either direction", () => {
  const rows = [row("none"), row("two", best(2)), row("one", best(1)), row("nan", best("NaN"))];
  const names = (descending: boolean) => sorted(rows, { column: "best", descending }, 0).map((each) => each.name);
  assert.deepEqual(names(false), ["one", "two", "nan", "none"]);
  assert.deepEqual(names(true), ["two", "one", "nan", "none"]);
});

test("all words must match, and key=value is a label", () => {
  const one = row("digits-cnn", { labels: { team: "vision" } });
  const found = (text: string) => matches(one, wordsOf(text), new Set());
  assert.ok(found("digits tpe"));
  assert.ok(found("team=vis"));
  assert.ok(!found("team=speech"));
  assert.ok(!found("digits speech"));
});

test("only the chosen states are shown, all if none is chosen", () => {
  assert.ok(matches(row("a"), [], new Set()));
  assert.ok(!matches(row("a"), [], new Set(["COMPLETE"])));
});

test("a live row is replaced, a new one is added, and one that is gone is removed", () => {
  const rows = [row("ended", { state: "COMPLETE" }), row("running"), row("deleted")];
  const live = [row("running", { state: "COMPLETE" }), row("new")];
  const after = updated(rows, live);
  assert.deepEqual(after.map((each) => [each.name, each.state]), [["ended", "COMPLETE"], ["running", "COMPLETE"], ["new", "RUNNING"]]);
});

test("a row that did not change stays the same object, so that it is not drawn again", () => {
  const rows = [row("running")];
  assert.equal(updated(rows, [row("running")])[0], rows[0]);
});

test("of all rows those that did not come are gone, and the others stay the same objects", () => {
  const rows = [row("ended", { state: "COMPLETE" }), row("deleted", { state: "COMPLETE" }), row("running")];
  const after = renewed(rows, [row("ended", { state: "COMPLETE" }), row("running", { state: "STOPPED" })]);
  assert.deepEqual(after.map((each) => [each.name, each.state]), [["ended", "COMPLETE"], ["running", "STOPPED"]]);
  assert.equal(after[0], rows[0]);
});

test("a spark falls from the first improvement to the last and goes on to the newest trial", () => {
  const progress = { improvements: [{ number: 0, value: 4 }, { number: 5, value: 2 }], trials: 11 };
  assert.equal(line(progress, 11), "2,3 43.8,3 43.8,17 94,17");
  assert.equal(line({ improvements: [{ number: 0, value: 4 }], trials: 3 }, 3), "");
});
