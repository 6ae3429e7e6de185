import assert from "node:assert/strict";
import { test } from "node:test";
import { dimensions } from "../src/data/dimensions";
import { Trials } from "../src/data/trials";
import type { Spec } from "../src/documents";
import { columnsOf, inSight } from "../src/trials/table";
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

test("without an objective the first hyperparameters are the usual ones", () => {
  const given = dimensions(new Trials(), SPEC).filter(({ id }) => id.startsWith("h:"));
  assert.deepEqual(usualOf(new Trials(), new Int32Array(), given, undefined).map(({ label }) => label), NAMES.slice(0, 12));
});
