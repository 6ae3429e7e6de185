// YAML as the form reads and writes it, without values that JSON would change on the way to the service.

import { parse, stringify } from "yaml";
import { same, type Json, type Request } from "./schema";
import type { Read } from "./written";

/** The value of a YAML text; none of an empty one. */
export function yamlOf(text: string): Read<Json> {
  if (text.trim() === "") return { value: undefined };
  try {
    return { value: parse(text, exact, { intAsBigInt: true, logLevel: "error" }) as Json };
  } catch (wrong) {
    return { fault: (wrong as Error).message.split("\n")[0]?.replace(/:$/, "") ?? "" };
  }
}

/** The request that a YAML text is. */
export function requestOf(text: string): Read<Request> {
  const found = yamlOf(text);
  if (found.fault !== undefined) return found;
  const { value } = found;
  if (value === undefined || value === null || typeof value !== "object" || Array.isArray(value)) return { fault: "A request has fields: write one such as max_trials: 20" };
  return { value };
}

const memory = new WeakMap<object, { name: string; text: string }>();

/** A member of a mapping. It is remembered by its value, for a change of one of 300 hyperparameters leaves the others as they are. */
function member(name: string, value: Json): string {
  if (value === null || typeof value !== "object") return stringify({ [name]: value });
  const known = memory.get(value);
  if (known?.name === name) return known.text;
  const text = stringify({ [name]: value });
  memory.set(value, { name, text });
  return text;
}

/** The YAML of a request. */
export function textOf(request: Request): string {
  const { hyperparameters: space } = request;
  if (space === null || typeof space !== "object" || Array.isArray(space) || Object.keys(space).length === 0) return stringify(request);
  const inner = Object.entries(space).map(([name, form]) => member(name, form).replace(/^(?=.)/gm, "  "));
  return Object.entries(request).map(([name, value]) => (name === "hyperparameters" ? `${name}:\n${inner.join("")}` : member(name, value))).join("");
}

/** For each value of a document. JSON has neither the digits of larger integers, nor infinity. */
function exact(_: unknown, value: unknown): unknown {
  if (typeof value !== "bigint" && typeof value !== "number") return value;
  const number = Number(value);
  if (typeof value === "bigint" && !Number.isSafeInteger(number)) throw new Error(`${value} is too large an integer: put a text into quotes, or write ${number.toExponential()}`);
  if (!Number.isFinite(number)) throw new Error(`${value} is not a number that a request can have: put a text into quotes`);
  return number;
}

const REMEDY = "write choices such as adam, sgd, and put a text with commas or other signs into quotes";

/** The choices of a line such as `adam, "a, b", 1`, in YAML's words. */
export function choicesOf(line: string): Read<Json[]> {
  const found = yamlOf(`[${line}]`);
  if (found.fault !== undefined) return { fault: `${found.fault}; ${REMEDY}` };
  const choices = found.value;
  // "a] , [b" ends the list early, and a mark of YAML's (&a, *a, !a) is no text.
  if (!Array.isArray(choices) || /(^|,)\s*[&*!]/.test(line)) return { fault: `${line} is not a list of choices; ${REMEDY}` };
  const wrong = choices.find((each) => each !== null && typeof each === "object" && !("value" in each));
  return wrong === undefined ? { value: choices } : { fault: `${JSON.stringify(wrong)} is not a choice; ${REMEDY}` };
}

/** The line of choices that `choicesOf` reads as these. A text that would be read as anything else has quotes. */
export function choicesLine(choices: readonly Json[]): string {
  return choices.map((each) => (typeof each === "string" && same(choicesOf(each), { value: [each] }) ? each : JSON.stringify(each))).join(", ");
}
