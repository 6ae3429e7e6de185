import assert from "node:assert/strict";
import { test } from "node:test";
import { extent } from "../src/data/importance";
import { scale, ticks } from "../src/draw/scale";
import { isLog } from "../src/views/logarithmic";

test("an axis of very large and very small values has finite ends, shares and labels", () => {
  for (const [low, high, log] of [[5e-301, 2e299, true], [5e-324, 1.7e308, true], [-1.7e308, 1.7e308, false], [1e308, 1.7e308, false], [0, 5e-324, false], [1.7e308, 1.7e308, true]] as const) {
    const axis = scale(low, high, log);
    assert.ok(Number.isFinite(axis.low) && Number.isFinite(axis.high) && axis.low < axis.high, `${low} ${high}: ${axis.low} to ${axis.high}`);
    assert.ok([low, high].every((value) => Number.isFinite(axis.share(value))), `${low} ${high}: shares`);
    assert.ok(ticks(axis, 6).every(({ value }) => Number.isFinite(value)), `${low} ${high}: labels`);
  }
  assert.deepEqual(ticks(scale(5e-301, 2e299, true), 3).map(({ text }) => text), ["1e−200", "1", "1e200"]);
  assert.ok(ticks(scale(-1.7e308, 1.7e308, false), 6).length > 1);
});

test("the ends of more values than a call may have arguments", () => {
  const many = Array.from({ length: 300_000 }, (_, index) => index - 5);
  assert.deepEqual(extent(many), [-5, 299_994]);
  assert.deepEqual(extent([]), [0, 1]);
});

test("an axis is logarithmic as the address says, else by itself, and never with values of 0 or less", () => {
  const [narrow, wide] = [[1, 10], [0.0009, 4]] as const;
  assert.deepEqual([undefined, "1", "0"].map((given) => isLog(given, narrow)), [false, true, false]);
  assert.deepEqual([undefined, "1", "0"].map((given) => isLog(given, wide)), [true, true, false]);
  assert.deepEqual([undefined, "1", "0"].map((given) => isLog(given, [0, 4])), [false, false, false]);
});

test("whole numbers beside an axis are written as in texts, up to a million", () => {
  const texts = (low: number, high: number, log: boolean) => ticks(scale(low, high, log), 4).map(({ text }) => text);
  assert.deepEqual(texts(0, 20_000, false), ["0", "10,000", "20,000"]);
  assert.deepEqual(texts(-300_000, 0, false), ["−300,000", "−200,000", "−100,000", "0"]);
  assert.deepEqual(texts(1e4, 1e6, true), ["10,000", "100,000", "1e6"]);
  assert.deepEqual(texts(0, 2e6, false), ["0", "1e6", "2e6"]);
});
