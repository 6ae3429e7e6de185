import assert from "node:assert/strict";
import { test } from "node:test";
import { Trials, type Block } from "../src/data/trials";
import type { Spec } from "../src/documents";
import { csv } from "../src/trials/csv";

const SPEC = { objectives: [{ metric: "loss", direction: "minimize", goal: null }], constraints: [], hyperparameters: { rate: { type: "float", min: 0, max: 1 } } } as unknown as Spec;

function made(fields: Partial<Block>): Trials {
  const trials = new Trials();
  const numbers = (fields.values?.loss ?? fields.hyperparameters?.kind ?? []).map((_, row) => row);
  const all = <T>(value: T) => numbers.map(() => value);
  trials.put({
    numbers, state_names: ["COMPLETE", "FAIL"], states: all(0), attempts: all(1), created_at: all(0), started_at: all(1), finished_at: all(2.5),
    hyperparameters: {}, values: {}, ...fields,
  });
  return trials;
}

/** The cells of one column of a file whose texts have no commas. */
function column(text: string, name: string): (string | undefined)[] {
  const [names, ...rows] = text.split("\r\n").slice(0, -1).map((line) => line.split(","));
  return rows.map((cells) => cells[names?.indexOf(name) ?? -1]);
}

test("trials are written with the columns of tunelet export, in the order of the rows", () => {
  const trials = made({ values: { loss: [0.5, "Infinity", null], size: [1, 2, 3] }, hyperparameters: { rate: [1e-7, 0.25, null] }, states: [0, 1, 0], finished_at: [2.5, 3, null] });
  assert.deepEqual(csv(trials, SPEC, Int32Array.of(2, 0)).join("").split("\r\n"), [
    "number,state,attempt,created_at,started_at,finished_at,seconds,retry_of,hyperparameters.rate,values.loss,values.size",
    "2,COMPLETE,1,1970-01-01T00:00:00.000000Z,1970-01-01T00:00:01.000000Z,,0,,,,3",
    "0,COMPLETE,1,1970-01-01T00:00:00.000000Z,1970-01-01T00:00:01.000000Z,1970-01-01T00:00:02.500000Z,1.5,,1e-7,0.5,1",
    "",
  ]);
  assert.deepEqual(column(csv(trials, SPEC, Int32Array.of(1)).join(""), "values.loss"), ["Infinity"]);
});

test("a time has its microseconds, and a trial the seconds of all its attempts", () => {
  const text = csv(made({ values: { loss: [1] }, created_at: [1764504123.000001], attempts: [2], earlier_seconds: { 0: 2 }, retries: { 0: 7 } }), SPEC, Int32Array.of(0)).join("");
  assert.deepEqual(column(text, "created_at"), ["2025-11-30T12:02:03.000001Z"]);
  const last = csv(made({ values: { loss: [1] }, created_at: [1764504122.9999998] }), SPEC, Int32Array.of(0)).join("");
  assert.deepEqual(column(last, "created_at"), ["2025-11-30T12:02:03.000000Z"]);
  assert.deepEqual([column(text, "seconds"), column(text, "attempt"), column(text, "retry_of")], [["3.5"], ["2"], ["7"]]);
});

test("a text keeps its quotes, commas and lines, and is no formula; a number keeps its sign", () => {
  const kinds = ['say "a"', "a,b", "a\r\nb", "=1+1", "+cmd", "-cmd", "@sum", "\t=1", "-1.5e-3", "\x1b[31m", -2, true];
  const rows = Int32Array.from(kinds.keys());
  const lines = csv(made({ hyperparameters: { "a,kind": kinds, kind: kinds } }), { ...SPEC, objectives: [], hyperparameters: {} }, rows).join("");
  assert.ok(lines.startsWith("number,state,attempt,created_at,started_at,finished_at,seconds,retry_of,\"hyperparameters.a,kind\",hyperparameters.kind\r\n"));
  const written = ['"say ""a"""', '"a,b"', '"a\r\nb"', "'=1+1", "'+cmd", "'-cmd", "'@sum", "'\t=1", "-1.5e-3", "\\x1b[31m", "-2", "true"];
  written.forEach((cell, row) => assert.ok(lines.includes(`\r\n${row},COMPLETE,1,1970-01-01T00:00:00.000000Z,1970-01-01T00:00:01.000000Z,1970-01-01T00:00:02.500000Z,1.5,,${cell},${cell}\r\n`), cell));
});

test("where the request has constraints, a complete trial meets them or not", () => {
  const spec = { ...SPEC, constraints: [{ metric: "size", min: null, max: 2 }] };
  const text = csv(made({ values: { loss: [1, 2, 3], size: [1, 3, 1] }, states: [0, 0, 1] }), spec, Int32Array.of(0, 1, 2)).join("");
  assert.deepEqual(column(text, "feasible"), ["true", "false", ""]);
});

test("more rows than one piece are all written, each once", () => {
  const losses = Array.from({ length: 12_001 }, (_, row) => row);
  const text = csv(made({ values: { loss: losses } }), SPEC, Int32Array.from(losses)).join("");
  assert.deepEqual(column(text, "number"), losses.map(String));
});
