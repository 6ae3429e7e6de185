import assert from "node:assert/strict";
import { test } from "node:test";
import { kindOf, offered, turned } from "../src/submit/code";
import { parse } from "yaml";
import { differ } from "../src/submit/memo";
import { cloned } from "../src/submit/schema";
import { faultsIn, rowsLike, spaceOf } from "../src/submit/space";
import { begunWith, draftAt, forget, keep, placeOf } from "../src/submit/drafts";
import { changesOf, optionsOf } from "../src/actions/extend";
import type { Spec } from "../src/documents";
import { commandOf, shellSign, shellWords, wordsOf } from "../src/submit/words";
import { numberOf } from "../src/submit/written";
import { choicesLine, choicesOf, requestOf, textOf, yamlOf } from "../src/submit/yaml";
import { line as command } from "../src/trials/command";

test("a number means the same however it is written", () => {
  for (const [text, value] of [["0.00", 0], ["0.0010", 0.001], ["1e-5", 1e-5], ["1E-05", 1e-5], ["-1.0", -1], [".5", 0.5], ["5.", 5], [" 7 ", 7]] as const) assert.deepEqual(numberOf(text, false), { value });
  assert.deepEqual(numberOf("", false), { value: undefined });
  assert.deepEqual(numberOf("1e3", true), { value: 1000 });
});

test("a text that is not a number on its way to one, or at all, has a fault", () => {
  for (const text of ["-", "1e", "1e-", ".", "1,5", "0x10", "Infinity", "1e999", "1 2", "abc"]) assert.match(numberOf(text, false).fault ?? "", /is not a number: write one such as 0.001 or 1e-3/, text);
  assert.match(numberOf("2.5", true).fault ?? "", /is not an integer/);
  assert.match(numberOf("9007199254740993", true).fault ?? "", /is too large/);
});

test("of hyperparameters with equal names the request has the first, and none without a name", () => {
  const rows = ["lr", "lr", "", "x"].map((name, id) => ({ id, name, form: { type: "float", min: id } }));
  assert.deepEqual(spaceOf(rows), { lr: { type: "float", min: 0 }, x: { type: "float", min: 3 } });
  const faults = faultsIn(rows);
  assert.match(faults[0] ?? "", /Two hyperparameters have the name lr/);
  assert.match(faults[1] ?? "", /Two hyperparameters have the name lr/);
  assert.match(faults[2] ?? "", /has no name/);
  assert.equal(faults[3], null);
});

const CHOICES = [
  "adam", "it's", "a b", "\"q\"", "-1", "1", 1, true, "true", null, "new\nline", "a, b", "yes", "1e-5", 1e-7, -0.5, "", "#x", "x #y", "a: b", "[", "]", "] , [", "{", "&a", "*a", "!x", "null", "~", " blank ",
  "- x", "?", "|", ">", "%", "@", "`", "0x10", "é\u{1F600}", "<<", "\t", "\\", "</script>", "x".repeat(200), { value: "a, b", weight: 2 },
];

test("choices that one looks at, or adds to, stay what they are", () => {
  const line = choicesLine(CHOICES);
  assert.deepEqual(choicesOf(line), { value: CHOICES });
  assert.deepEqual(choicesOf(`${line}, zz`), { value: [...CHOICES, "zz"] });
  for (const each of CHOICES) assert.deepEqual(choicesOf(choicesLine([each])), { value: [each] }, JSON.stringify(each));
});

test("usual choices are written without quotes, and read without them", () => {
  assert.equal(choicesLine(["adam", "a b", "it's", 16, 0.5, true, "resnet-50", "v1.2/x_y", "16"]), 'adam, a b, it\'s, 16, 0.5, true, resnet-50, v1.2/x_y, "16"');
  assert.deepEqual(choicesOf(" adam,sgd , "), { value: ["adam", "sgd"] });
  assert.deepEqual(choicesOf(""), { value: [] });
});

test("a line that is not a list of choices has a fault", () => {
  for (const line of ["'a", "a,,b", "&a", "b, *a", "!x", "a: b", "a] , [b", "[a, b]", "{", "#b", '"a"b', ".inf", "12345678901234567890"]) assert.ok(choicesOf(line).fault, line);
});

test("YAML has no value that JSON would change", () => {
  assert.deepEqual(yamlOf("seed: 7\nmax_trials: 1e3"), { value: { seed: 7, max_trials: 1000 } });
  for (const text of ["seed: 9223372036854775807", "max: .inf", "max: .nan"]) assert.ok(yamlOf(text).fault, text);
});

test("the words of a command are those that a shell finds", () => {
  const lines = { "python train.py": ["python", "train.py"], " a  b ": ["a", "b"], "a 'b c' \"d 'e'\"": ["a", "b c", "d 'e'"], "--x='1 2'3": ["--x=1 23"], "a\\ b \"\\\"\" '\\'": ["a b", '"', "\\"], "'' x": ["", "x"] };
  for (const [line, words] of Object.entries(lines)) assert.deepEqual(wordsOf(line), { value: words }, line);
  assert.deepEqual(wordsOf("  "), { value: undefined });
  for (const line of ["a 'b", 'a "b', "a \\"]) assert.match(wordsOf(line).fault ?? "", /without its end/, line);
  for (const words of [["it's", 'a "b"', "$x", "", "é\\"], ["--flag", "a\nb"]]) assert.deepEqual(wordsOf(command(...words)), { value: words });
});

test("training code is in a field that can hold all of it", () => {
  assert.equal(kindOf("train"), "image");
  assert.equal(kindOf({ command: ["python", "train.py"], workdir: "/here" }), "command");
  for (const code of [{ command: ["a"], env: { A: "1" } }, { image: "a", command: ["b"] }, { workers: true }, { command: [1] }, ["a"], 7]) assert.equal(kindOf(code), "other", JSON.stringify(code));
  assert.deepEqual(turned("python train.py", "command"), { command: ["python", "train.py"] });
  assert.equal(turned({ command: ["python", "a b"], workdir: "/here" }, "image"), "python 'a b'");
});

test("a command is offered only where the service takes one", () => {
  assert.deepEqual(offered("image", true), ["image", "command", "other"]);
  assert.deepEqual(offered("image", false), ["image", "other"]);
  assert.deepEqual(offered("command", false), ["image", "command", "other"]);
});

test("a request is the same as YAML and back", () => {
  const text = "two\nlines, and " + "a very long one ".repeat(9);
  const request = { name: "a", hyperparameters: { x: { type: "float", min: 1 }, "y: z": { type: "categorical", choices: [text, " blank ", "", null, { value: "#", weight: 2 }] }, e: {} }, labels: {}, constraints: [{ metric: text }] };
  assert.deepEqual(parse(textOf(request)), request);
  assert.deepEqual(Object.keys(parse(textOf(request)) as object), Object.keys(request));
  assert.deepEqual(requestOf(textOf(request)), { value: request });
  for (const each of [{}, { hyperparameters: {} }, { hyperparameters: null }, { hyperparameters: ["a"] }]) assert.deepEqual(parse(textOf(each)), each);
  for (const each of ["", "a", "- a", "null", "7"]) assert.match(requestOf(each).fault ?? "", /A request has fields/, each);
});

test("a change of one hyperparameter reads and draws no other", () => {
  let read = 0;
  const form = (min: number) => Object.defineProperty({ type: "float" }, "min", { enumerable: true, get: () => ((read += 1), min) }) as { type: string; min: number };
  const hyperparameters = Object.fromEntries(Array.from({ length: 300 }, (_, each) => [`x${each}`, form(each)]));
  textOf({ hyperparameters });
  read = 0;
  const text = textOf({ hyperparameters: { ...hyperparameters, x7: { type: "float", min: 0.5 } } });
  assert.equal(read, 0);
  assert.equal((parse(text) as { hyperparameters: { x7: { min: number } } }).hyperparameters.x7.min, 0.5);
  const rows = rowsLike([], { a: { min: 1 }, b: { min: 2 }, c: { min: 3 } });
  const next = rowsLike(rows, { a: { min: 1 }, b: { min: 9 }, d: {} });
  assert.deepEqual(next.map(({ name, form: { min } }) => [name, min]), [["a", 1], ["b", 9], ["d", undefined]]);
  assert.equal(next[0], rows[0]);
  assert.equal(next[1]?.id, rows[1]?.id);
  assert.equal(differ({ row: rows[0] }, { row: next[0] }), false);
  for (const other of [{ row: rows[1] }, {}, { row: rows[0], quiet: true }]) assert.equal(differ({ row: rows[0] }, other), true);
});

test("what only a shell would act on is no word of a command", () => {
  const signs = { "cd a && b": "&&", "a || b": "||", "a;b": ";", "a | b": "|", "a > b": ">", "a 2>&1": ">", "a >>b": ">>", "a < b": "<", "a &": "&", "a $(b)": "$(", "a `b`": "`", "a $HOME": "$HOME", "A=1 b": "A=1" };
  for (const [line, sign] of Object.entries(signs)) {
    assert.equal(shellSign(line), sign, line);
    assert.match(commandOf(line).fault ?? "", /is for a shell.*sh -c/, line);
    assert.equal(shellSign(command(...shellWords(line))), null, line);
  }
  for (const line of ["python train.py", "a '&&' \"|\" \\;", "a --x=${hyperparameters.x}", "a --b=c", "a 'b $HOME'", "a *.csv"]) assert.deepEqual(commandOf(line), wordsOf(line), line);
});

test("a line for a shell hands the arguments of a trial on", () => {
  const lines = {
    "cd src && python train.py": 'cd src && python train.py "$@"', "python train.py | tee log": 'python train.py "$@" | tee log', "python train.py 2>&1 >log": 'python train.py "$@" 2>&1 >log',
    "A=1 python train.py": 'A=1 python train.py "$@"', "a; b": 'a "$@"; b', 'a "$@" > b': 'a "$@" > b', "a --x=${hyperparameters.x} | b": "a --x=${hyperparameters.x} | b", "a 'x | y' | b": "a 'x | y' \"$@\" | b", "cd a": 'cd a "$@"',
  };
  for (const [line, shell] of Object.entries(lines)) assert.deepEqual(shellWords(line), ["sh", "-c", shell, "sh"], line);
  assert.deepEqual(turned("cd a && b", "command"), { command: ["sh", "-c", 'cd a && b "$@"', "sh"] });
});

test("a draft is kept for each place, and begins as it was written", () => {
  const place = placeOf("default", undefined);
  keep(place, { request: { seed: 7 } });
  assert.equal(draftAt(placeOf("default", "a")), undefined);
  assert.equal(draftAt(placeOf("other", undefined)), undefined);
  assert.deepEqual(begunWith(draftAt(place) ?? { request: {} }), { request: { seed: 7 }, text: "seed: 7\n", wrong: null });
  keep(place, { request: { seed: 7 }, text: "seed: 8 # more" });
  assert.deepEqual(begunWith(draftAt(place) ?? { request: {} }), { request: { seed: 8 }, text: "seed: 8 # more", wrong: null });
  keep(place, { request: { seed: 7 }, text: "seed: [" });
  const { request, text, wrong } = begunWith(draftAt(place) ?? { request: {} });
  assert.deepEqual([request, text], [{ seed: 7 }, "seed: ["]);
  assert.ok(wrong);
  forget(place);
  assert.equal(draftAt(place), undefined);
});

test("only terms that were changed are sent, each with its option", () => {
  const spec = { max_trials: 20, give_up_after: 3, max_cost: null, hpo_algorithm: { name: "tpe", settings: {} }, early_stopping: [{ name: "median", settings: {} }] } as unknown as Spec;
  assert.deepEqual(changesOf(spec, { max_trials: undefined, give_up_after: 3 }, "tpe", "median"), {});
  const changes = changesOf(spec, { max_trials: 30, give_up_after: 0, max_cost: 1.5, ttl_seconds_after_finished: 60 }, "sobol", " median ");
  assert.deepEqual(changes, { max_trials: 30, give_up_after: 0, max_cost: 1.5, ttl_seconds_after_finished: 60, hpo_algorithm: "sobol" });
  assert.deepEqual(optionsOf(changes), ["--max-trials", "30", "--give-up-after", "0", "--max-cost", "1.5", "--ttl", "60", "--algorithm", "sobol"]);
  const removed = changesOf({ ...spec, max_cost: 2 }, { max_trials: 20, give_up_after: 3, max_cost: undefined }, "", "");
  assert.deepEqual(removed, { max_cost: null, early_stopping: [] });
  assert.deepEqual(optionsOf(removed), ["--max-cost", "none", "--early-stopping", "none"]);
  const two = changesOf(spec, { give_up_after: 3 }, "tpe", "median,, plateau");
  assert.deepEqual(two, { early_stopping: ["median", "plateau"] });
  assert.deepEqual(optionsOf(two), ["--early-stopping", "median", "--early-stopping", "plateau"]);
});

test("a clone is what a person would have written", () => {
  const root = { properties: { name: {}, max_trials: { default: 50 }, hpo_algorithm: { default: { name: "tpe", settings: {} } }, early_stopping: { default: [] }, hyperparameters: {}, model_training_code: {}, objectives: {} } };
  const spec = {
    name: "first", max_trials: 50,
    hpo_algorithm: { name: "sobol", settings: {} },
    early_stopping: [{ name: "median", settings: {} }],
    hyperparameters: { lr: { type: "float", min: 0.1, max: 1, scale: "log" }, q: { type: "float", min: 0.1, max: 1, scale: "reverse_log" } },
    model_training_code: { image: "command", command: ["python", "train.py"], args: [], env: {}, workdir: "/here" },
    objectives: [{ metric: "loss", direction: "minimize", goal: null }],
  };
  assert.deepEqual(cloned(spec, root), {
    hpo_algorithm: "sobol",
    early_stopping: "median",
    hyperparameters: { lr: { type: "float", min: 0.1, max: 1, log: true }, q: { type: "float", min: 0.1, max: 1, scale: "reverse_log" } },
    model_training_code: { command: ["python", "train.py"], workdir: "/here" },
    objective: { metric: "loss", direction: "minimize" },
  });
  const rules = [{ name: "median", settings: {} }, { name: "plateau", settings: { steps: 3 } }];
  assert.deepEqual(cloned({ ...spec, early_stopping: rules }, root).early_stopping, ["median", rules[1]]);
  assert.deepEqual(cloned({ ...spec, hpo_algorithm: rules[1] }, root).hpo_algorithm, rules[1]);
  assert.equal(cloned({ ...spec, model_training_code: { image: "train", command: [], args: [] } }, root).model_training_code, "train");
  const code = { image: "train", command: ["a"] };
  assert.deepEqual(cloned({ ...spec, model_training_code: code }, root).model_training_code, code);
});
