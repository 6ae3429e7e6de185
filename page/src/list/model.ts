// Which experiments a list shows, and in which order.

import { address } from "../api";
import { done, measured, type Overview } from "../documents";
import { instant } from "../format";
import { line, tunelet } from "../trials/command";

export type Column = "name" | "state" | "progress" | "best" | "algorithm" | "submitted" | "time";

export interface Order {
  column: Column;
  descending: boolean;
}

/** Words that must all be in the name, the algorithm or the labels; `key=value` is a label, `state:` a state. */
export function matches(row: Overview, words: readonly string[], states: ReadonlySet<string>): boolean {
  if (states.size && !states.has(row.state)) return false;
  return words.every((word) => matchesWord(row, word));
}

function matchesWord(row: Overview, word: string): boolean {
  const [key = "", value] = word.split("=", 2);
  if (value !== undefined) {
    return Object.entries(row.labels).some(([name, text]) => name.toLowerCase() === key && text.toLowerCase().includes(value));
  }
  const labels = Object.entries(row.labels).flat();
  return [row.name, row.algorithm, ...labels].some((text) => text.toLowerCase().includes(word));
}

export function wordsOf(text: string): string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

export function seconds(row: Overview, now: number): number {
  const end = row.ended_at === null ? now : instant(row.ended_at);
  return (end - instant(row.submitted_at)) / 1000;
}

export function progress(row: Overview): number {
  return row.max_trials ? done(row.counts) / row.max_trials : 0;
}

/** The best value of the first objective; NaN if there is none. */
export function bestOf(row: Overview): number {
  const metric = row.objectives[0]?.metric;
  return metric === undefined ? NaN : measured(row.best?.values[metric]);
}

const STATES = ["RUNNING", "PAUSED", "FAILED", "DAMAGED", "COMPLETE", "STOPPED"];

function key(row: Overview, column: Column, now: number): string | number {
  switch (column) {
    case "name":
      return row.name;
    case "state":
      return STATES.indexOf(row.state);
    case "progress":
      return progress(row);
    case "best":
      return bestOf(row);
    case "algorithm":
      return row.algorithm;
    case "submitted":
      return instant(row.submitted_at);
    case "time":
      return seconds(row, now);
  }
}

/** The rows in order. Rows without a value come last in either direction. */
export function sorted(rows: readonly Overview[], order: Order, now: number): Overview[] {
  const keyed = rows.map((row) => ({ row, key: key(row, order.column, now) }));
  const sign = order.descending ? -1 : 1;
  keyed.sort((a, b) => compared(a.key, b.key, sign) || (a.row.name < b.row.name ? -1 : 1));
  return keyed.map(({ row }) => row);
}

function compared(a: string | number, b: string | number, sign: number): number {
  const lacking = Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  if (lacking) return lacking;
  return a === b || Number.isNaN(a) ? 0 : a < b ? -sign : sign;
}

const HERE = ["localhost", "127.0.0.1", "[::1]"];

/** How an experiment is begun from a terminal. `tunelet run` needs no request, but a service on the same machine. */
export function beginnings(namespace: string): string[] {
  const service = address();
  const submit = tunelet(namespace, "submit", "request.json");
  if (namespace !== "default" || service === null || !HERE.includes(new URL(service).hostname)) return [submit];
  return [submit, line("tunelet", "run", "--url", service, "--float", "lr=1e-5:0.1:log", "--minimize", "loss", "--", "python", "train.py")];
}
