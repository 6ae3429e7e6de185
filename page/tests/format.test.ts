import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, duration, number } from "../src/format";
import { brushesOf, brushesText, format, orderOf, orderText, parse } from "../src/route";
import { fittedInside, frame } from "../src/draw/axes";
import { scale, ticks } from "../src/draw/scale";
import { rowsInSight } from "../src/virtual";

test("numbers are short and keep four digits", () => {
  const texts = [0, 1, 0.1, 0.123456, 1234.5678, 1e-7, 123456789.5, -2.5, NaN, Infinity].map((value) => number(value));
  assert.deepEqual(texts, ["0", "1", "0.1", "0.1235", "1235", "1e−7", "1.235e8", "−2.5", "NaN", "∞"]);
});

test("whole numbers have all their digits", () => {
  const texts = [12345678, -12345678, 1e7, 120_000_000, 9007199254740991, 1e15, 2 ** 60].map((value) => number(value));
  assert.deepEqual(texts, ["12345678", "−12345678", "1e7", "1.2e8", "9007199254740991", "1e15", "1.153e18"]);
});

test("durations have at most two units", () => {
  assert.deepEqual([0.25, 59, 61, 3600, 7500, 90000].map(duration), ["0.3 s", "59 s", "1 min 1 s", "1 h", "2 h 5 min", "1 d 1 h"]);
  assert.equal(duration(NaN), "");
});

test("times are given as their distance", () => {
  assert.equal(ago(0, 5_000), "now");
  assert.equal(ago(0, 7_200_000), "2 h ago");
});

test("an address is read as it was written", () => {
  const route = { namespace: "team", name: "digits", query: { view: "table", trial: "5" } };
  assert.deepEqual(parse(format(route)), route);
  assert.deepEqual(parse(""), { namespace: "default", name: null, query: {} });
  assert.deepEqual(parse("#/%E0%A4%A").namespace, "%E0%A4%A");
});

test("brushes are in the address as short as a picture allows, and are read as they were written", () => {
  const brushes = new Map([["h:lr", { low: 1.23456789e-5, high: 0.0123456789 }], ["v:a, 100%:b", { low: -0.25, high: 1 / 3 }], ["ended", { low: 1_700_000_000.1234, high: 1_700_000_001 }]]);
  const text = brushesText(brushes);
  assert.equal(text, "h:lr:0.00001235:0.012346,v:a%2C 100%25:b:-0.25:0.3333,ended:1700000000.1234:1700000001");
  const read = brushesOf(parse(format({ namespace: "a", name: "b", query: { brush: text } })).query.brush);
  assert.deepEqual([...read.keys()], [...brushes.keys()]);
  assert.equal(brushesText(read), text);
  assert.ok(format({ namespace: "a", name: "b", query: { brush: "h:lr:0:1,v:a:0:1" } }).endsWith("?brush=h:lr:0:1,v:a:0:1"));
  assert.deepEqual([...brushesOf("h:lr:low:1,nothing,:1:2,,a:1:2")], [["a", { low: 1, high: 2 }]]);
  assert.deepEqual([...brushesOf(brushesText(new Map([["n", { low: 12345678.5, high: 12345678.5 }]])))], [["n", { low: 12345678.5, high: 12345678.5 }]]);
});

test("an order is in the address unless it is the usual one", () => {
  const usual = { id: "number", descending: true };
  assert.equal(orderText(usual, usual), "");
  assert.deepEqual(orderOf("", usual), usual);
  for (const order of [{ id: "v:loss", descending: false }, { id: "h:a-b", descending: true }]) assert.deepEqual(orderOf(orderText(order, usual), usual), order);
});

test("only rows in sight are drawn, and the spacers keep the height", () => {
  const rows = rowsInSight(1000, 40, 4000, 400);
  assert.ok(rows.first <= 100 && rows.last >= 110 && rows.last - rows.first < 40);
  assert.equal(rows.above + (rows.last - rows.first) * 40 + rows.below, 40_000);
});

test("after a filter shortened a scrolled table, its end is in sight", () => {
  const rows = rowsInSight(3, 40, 4000, 400);
  assert.deepEqual([rows.first, rows.last, rows.above, rows.below], [0, 3, 0, 0]);
});

test("a box that is as high as all its rows does not draw them all", () => {
  const { first, last, above, below } = rowsInSight(20_000, 28, 0, 20_000 * 28);
  assert.ok(last - first <= 200, `${last - first} rows`);
  assert.equal(above + (last - first) * 28 + below, 20_000 * 28);
});

test("an axis of whole numbers has no fractions, and a logarithmic one has powers of ten", () => {
  assert.deepEqual(ticks({ ...scale(1, 3, false), whole: true }, 20).map((tick) => tick.value), [1, 2, 3]);
  assert.deepEqual(ticks(scale(1e-5, 0.1, true), 8).map((tick) => tick.text), ["1e−5", "1e−4", "0.001", "0.01", "0.1"]);
  assert.deepEqual(ticks(scale(0, 1, false, ["adam", "sgd"]), 8).map((tick) => tick.text), ["adam", "sgd"]);
});

test("an axis goes from values to shares and back", () => {
  for (const axis of [scale(0, 10, false), scale(0.001, 10, true), scale(5, 5, false)]) {
    for (const value of [axis.low, 5, axis.high]) assert.ok(Math.abs(axis.value(axis.share(value)) - value) < 1e-9);
  }
  assert.equal(scale(0, 10, true).log, false);
});

test("a logarithmic axis has multiples between its powers where there is room", () => {
  const texts = (low: number, high: number, many: number) => ticks(scale(low, high, true, null, 0), many).map((tick) => tick.text);
  assert.deepEqual(texts(16, 256, 5), ["20", "50", "100", "200"]);
  assert.deepEqual(texts(4, 128, 4), ["10", "30", "100"]);
  assert.deepEqual(texts(1e-9, 1, 4), ["1e−9", "1e−6", "0.001", "1"]);
});

test("neighbours on an axis never have the same label", () => {
  for (const [low, high] of [[0.951, 0.952], [-1e-7, 1e-7], [12_345_678, 12_345_690], [0.0001, 0.0009]] as const) {
    const texts = ticks(scale(low, high, false), 6).map((tick) => tick.text);
    assert.ok(texts.length > 2);
    assert.equal(new Set(texts).size, texts.length, texts.join(" "));
  }
});

test("an axis of times has round ones", () => {
  const texts = (high: number) => ticks({ ...scale(0, high, false, null, 0), clock: true }, 5).map((tick) => tick.text);
  assert.deepEqual(texts(118), ["0 s", "30 s", "1 min", "1 min 30 s"]);
  assert.deepEqual(texts(30_000), ["0 s", "2 h", "4 h", "6 h", "8 h"]);
  assert.deepEqual(texts(1), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
});

test("the longest label beside an axis has room", () => {
  const short = frame(600, 200, scale(0, 1, false), scale(0, 1, false));
  const long = frame(600, 200, scale(0, 1, false), scale(0.95101, 0.95104, false));
  assert.ok(long.left > short.left);
});

test("names that begin alike differ when they are shortened", () => {
  const context = { measureText: (text: string) => ({ width: text.length * 6 }) as TextMetrics };
  const texts = ["hyperparameter_5", "hyperparameter_198", "rate"].map((text) => fittedInside(context, text, 60));
  assert.deepEqual(texts, ["hype…ter_5", "hype…r_198", "rate"]);
  assert.equal(fittedInside(context, "hyperparameter", 1), "h…r");
});
