import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { beforeEach, test } from "node:test";
import { answerFrom } from "../src/api";
import type { Scalar, Spec } from "../src/documents";
import { notes, proposes, submits, training, tunelet, written } from "../src/trials/command";

const SERVICE = "http://127.0.0.1:8080";
const SPEC = {
  name: "digits", namespace: "default",
  hyperparameters: { rate: { type: "float", min: 0, max: 1 }, kind: { type: "categorical", choices: ["a", "b"] } },
  model_training_code: { image: "train", command: [], args: [], env: {} },
} as unknown as Spec;
const NASTY = [
  "", " ", "-", "--", "-1 is bad", "--remove", "7", "it's", `"q"`, "$HOME $(id) `id`", "a\\nb\\", "two\nlines\n", "!!", "~", "*", "#", "a;b&c|d", "{a,b}", "é 日本 🚀", "=ls", "\t",
];

function at(address: string) {
  Object.defineProperty(globalThis, "location", { value: new URL(address), configurable: true });
}

/** The words that a shell makes of a command line, after `tunelet` and before the service's. */
function words(command: string): string[] {
  const { stdout, status } = spawnSync("sh", ["-c", `tunelet() { printf '%s\\0' "$@"; }\n${command}`], { encoding: "utf8" });
  assert.equal(status, 0);
  const found = stdout.split("\0").slice(0, -1);
  assert.deepEqual(found.splice(found.length - 4), ["-n", "default", "--url", SERVICE]);
  return found;
}

/** What `tunelet propose` reads: JSON, else a text; NaN and Infinity are neither. */
function read(given: string): Scalar {
  assert.doesNotMatch(given, /^\s*-?(NaN|Infinity)/);
  try {
    return JSON.parse(given) as Scalar;
  } catch {
    return given;
  }
}

beforeEach(() => at(`${SERVICE}/`));

test("a shell gives the words of a command as they are", () => {
  for (const text of NASTY) {
    assert.deepEqual(words(tunelet("default", "label", "digits", text, "last")), ["label", "digits", text, "last"]);
    assert.deepEqual(words(notes("default", "digits", null, text)), ["note", "digits", ...(text === "" ? ["--remove"] : ["--text", text])]);
    assert.deepEqual(words(notes("default", "digits", 7, text)), ["note", "digits", "7", ...(text === "" ? ["--remove"] : ["--text", text])]);
    assert.deepEqual(words(proposes(SPEC, { rate: 0.5 }, text)), ["propose", "digits", "rate=0.5", ...(text === "" ? [] : ["--note", text])]);
  }
});

test("a hyperparameter is read as the value that it is", () => {
  const like = ["1", "-1", "1e5", "-x", "true", "false", "null", "true ", "null\n", "NaN", "NaNcy", "Infinity", "Infinity pool", "-Infinity", "[]", "{}", "{", `"`, `"q"`, "truest", "nullable", "\0", "\x7f"];
  for (const value of [...NASTY, ...like, 1, -1.5, 1e-7, 1e21, true, false, null]) {
    assert.equal(read(written(value)), value, JSON.stringify(value));
    const [, , setting = ""] = words(proposes(SPEC, { kind: value }));
    assert.equal(read(setting.replace("kind=", "")), value, JSON.stringify(value));
  }
  assert.deepEqual(["adam", "a b", "x=1", "truest", "../a.py"].map(written), ["adam", "a b", "x=1", "truest", "../a.py"]);
});

test("a command is for the service of this page and its namespace", () => {
  const found = (address: string) => {
    at(address);
    return tunelet("team", "delete", "digits", "--yes");
  };
  assert.equal(found("http://127.0.0.1:8080/#/team/digits"), "tunelet delete digits --yes -n team --url http://127.0.0.1:8080");
  assert.equal(found("https://host:9000/index.html?x=1#/team"), "tunelet delete digits --yes -n team --url https://host:9000");
  assert.equal(found("https://ann:secret@host/tools/tunelet/#/"), "tunelet delete digits --yes -n team --url https://host/tools/tunelet");
  assert.equal(found("http://[::1]:8080/"), "tunelet delete digits --yes -n team --url 'http://[::1]:8080'");
});

test("a request is submitted from the command itself", () => {
  const request = { name: "x", note: "END\n'END'\nit's $HOME `id`", list: ["-", 1e-7, null] };
  const { stdout } = spawnSync("sh", ["-c", `tunelet() { cat; }\n${submits("default", request)}`], { encoding: "utf8" });
  assert.deepEqual(JSON.parse(stdout), request);
  assert.match(submits("default", request), /^tunelet submit - --may-wait -n default --url \S+ <<'END'\n/);
});

test("the training's command is shown where the spec says all of it", () => {
  const found = (code: Record<string, unknown>, more: Partial<Spec> = {}, given: Record<string, Scalar> = { rate: 0.1, kind: "it's" }) =>
    training({ ...SPEC, model_training_code: { args: [], env: {}, ...code }, ...more } as unknown as Spec, given);
  const tail = `--rate=0.1 '--kind=it'"'"'s'`;
  assert.equal(found({ image: "command", command: ["sh", "-c", "echo $HOME ${HOME}"] }), `sh -c 'echo $HOME \${HOME}' ${tail}`);
  assert.equal(found({ image: "command", command: ["./t"], args: ["-v"], env: { A: "b c" }, workdir: "/my data" }), `cd '/my data' && env 'A=b c' ./t -v ${tail}`);
  assert.equal(found({ image: "python-train.py", command: ["/usr/bin/python", "code/train.py"] }), `/usr/bin/python code/train.py ${tail}`);
  const flagged = { hyperparameters: { amp: { type: "categorical", choices: [true, false], flag: true } } } as unknown as Partial<Spec>;
  assert.deepEqual([true, false].map((amp) => found({ image: "command", command: ["t"] }, flagged, { amp })), ["t --amp", "t"]);
  for (const code of [
    { image: "train", command: [] },
    { image: "registry/train:1", command: ["python", "train.py"] },
    { image: "command", command: ["t", "--lr=${hyperparameters.rate}"] },
    { image: "command", command: ["t"], env: { RATE: "${hyperparameters.rate}" } },
    { image: "command", command: ["t", "${trial.number}"] },
    { workers: true },
    { manifest: {} },
  ]) assert.equal(found(code), null, JSON.stringify(code));
  assert.equal(found({ image: "command", command: ["t"] }, { define_by_run: true }), null);
});

// The last: from here on there is no service.
test("a report names no service", () => {
  answerFrom({ document: () => null, text: () => "" });
  assert.equal(tunelet("default", "show", "digits"), "tunelet show digits -n default");
});
