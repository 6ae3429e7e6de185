// Command lines for a POSIX shell: those that repeat a trial, and those that do what a button does.
// Each names the service of this page and the namespace, because the shell may have others in
// TUNELET_URL and TUNELET_NAMESPACE, and without both the command line uses a folder if there is one.

import { address } from "../api";
import type { Scalar, Spec } from "../documents";

/** A word as a POSIX shell needs it. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'"'"'`)}'`;
}

export function line(...words: string[]): string {
  return words.map(quoted).join(" ");
}

/** `tunelet VERB …` in this namespace of this page's service; a report has no service. */
export function tunelet(namespace: string, verb: string, ...words: string[]): string {
  const url = address();
  return line("tunelet", verb, ...words, "-n", namespace, ...(url === null ? [] : ["--url", url]));
}

function text(value: Scalar): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The command line reads such a text as itself: not as JSON, nor as the NaN that JSON lacks. */
function isPlain(given: string): boolean {
  return !/^(?:[\s\d"[{-]|NaN|Infinity|(?:true|false|null)\s*$)|[\0-\x1f\x7f-\x9f]/.test(given);
}

/** A value as `tunelet propose` reads it: a text is JSON where it could be taken for JSON. */
export function written(value: Scalar): string {
  return typeof value === "string" && isPlain(value) ? value : JSON.stringify(value);
}

/** Whether a person may choose a trial's hyperparameters. In studies their callers do, in define-by-run the trials. */
export function takesProposals({ study, define_by_run }: Spec): boolean {
  return study == null && !define_by_run;
}

/** The command that adds a trial with the same hyperparameters. */
export function proposes(spec: Spec, hyperparameters: Record<string, Scalar>, note = ""): string {
  const settings = Object.entries(hyperparameters).map(([name, value]) => `${name}=${written(value)}`);
  return tunelet(spec.namespace, "propose", spec.name, ...settings, ...(note === "" ? [] : ["--note", note]));
}

/** The command that sets or removes a note; `--text`, because a note may look like a number or an option. */
export function notes(namespace: string, name: string, number: number | null, note: string): string {
  return tunelet(namespace, "note", name, ...(number === null ? [] : [`${number}`]), ...(note === "" ? ["--remove"] : ["--text", note]));
}

/** The command that submits the request, which is in its standard input. The page, too, submits what has to wait. */
export function submits(namespace: string, request: unknown): string {
  // No line of JSON is END: its strings have quotes, and no line breaks.
  return `${tunelet(namespace, "submit", "-", "--may-wait")} <<'END'\n${JSON.stringify(request, null, 2)}\nEND`;
}

const PLACEHOLDER = /\$\{[A-Za-z_][\w-]*\./;

/**
 * The training's own command with the hyperparameters. Null if the spec does not say all of it: an image
 * may be an alias or need a container, and placeholders are filled when the trial starts.
 */
export function training(spec: Spec, hyperparameters: Record<string, Scalar>): string | null {
  const { image, command = [], args = [], env = {}, workdir } = spec.model_training_code as Code;
  if (spec.define_by_run || PLACEHOLDER.test(JSON.stringify(spec.model_training_code))) return null;
  if (image !== "command" && image !== nameOf(command)) return null;
  const given = Object.entries(hyperparameters).flatMap(([name, value]) => argument(spec, name, value));
  const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const words = line(...(set.length ? ["env", ...set] : []), ...command, ...args, ...given);
  return workdir ? `${line("cd", workdir)} && ${words}` : words;
}

interface Code {
  image?: string;
  command?: string[];
  args?: string[];
  env?: Record<string, string>;
  workdir?: string | null;
}

/** The image that `tunelet run` gives to this command, which starts on the machine of the search. */
function nameOf(command: readonly string[]): string {
  const words = command.slice(0, 2).filter((word) => !word.startsWith("-")).map((word) => word.replace(/\/+$/, "").split("/").pop() ?? "");
  const name = words.join("-").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[-._]+|[-._]+$/g, "");
  return name.toLowerCase().slice(0, 63) || "command";
}

function argument(spec: Spec, name: string, value: Scalar): string[] {
  const flag = (spec.hyperparameters[name] as { flag?: boolean } | undefined)?.flag;
  if (flag && (value === null || typeof value === "boolean")) return value ? [`--${name}`] : [];
  return [`--${name}=${text(value)}`];
}
