// Answers the page's requests from a report: what the service would answer, as far as the report has it.

import { Problem, type Source } from "../api";
import type { Experiment, Overview, Trial, Values } from "../documents";
import type { Block } from "../data/trials";

export interface Page {
  experiment: Overview;
  trials: Block;
  changed: Block;
  last: number;
  more: boolean;
}

export interface Part {
  experiment: Experiment;
  /** All trials, page by page, as the service answered. */
  columns: Page[];
  /** The trials that the report has with their reports. */
  trials: Trial[];
}

export interface Content {
  version: string;
  /** In seconds. */
  made_at: number;
  namespace: string;
  experiments: Part[];
}

const PATH = /^api(?:\/namespaces\/[^/]+)?\/experiments\/([^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/;
const NOT_HERE = "The report leaves out the details of this trial: it has those of the best and the newest trials.";
const NO_OUTPUT = "The report has no output of this trial, only the end of that of failed trials.";

/** Decode what `tunelet report` has written: JSON, compressed, in base64. */
export async function decoded(text: string): Promise<Content> {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(stream).json()) as Content;
}

export function sourceOf({ experiments }: Content): Source {
  const parts = new Map(experiments.map((each) => [each.experiment.name, each]));
  const find = (path: string): [Part, string, URLSearchParams] => {
    const [, name = "", rest = "", query = ""] = PATH.exec(path) ?? [];
    const part = parts.get(decodeURIComponent(name));
    if (!part) throw new Problem(404, "The report has no such experiment.");
    return [part, rest, new URLSearchParams(query)];
  };
  return {
    document: (path) => documentOf(...find(path)),
    text: (path) => outputOf(...find(path)),
  };
}

function documentOf(part: Part, rest: string, query: URLSearchParams): unknown {
  if (rest === "") return part.experiment;
  if (rest === "columns") return pageAfter(part, Number(query.get("after")));
  if (rest === "curves") return { curves: curvesOf(part, (query.get("numbers") ?? "").split(",").map(Number)) };
  if (rest.endsWith("/artifacts")) return { artifacts: [], next: null };
  return trialOf(part, rest);
}

function trialOf(part: Part, rest: string): Trial {
  const number = Number(/^trials\/(\d+)/.exec(rest)?.[1] ?? NaN);
  const trial = part.trials.find((each) => each.number === number);
  if (!trial) throw new Problem(404, NOT_HERE);
  return trial;
}

function outputOf(part: Part, rest: string, query: URLSearchParams): string {
  const trial = trialOf(part, rest);
  if (trial.log_tail === null || Number(query.get("attempt")) !== trial.attempt) throw new Problem(404, NO_OUTPUT);
  return trial.log_tail;
}

const NONE: Block = { numbers: [], state_names: [], states: [], attempts: [], created_at: [], started_at: [], finished_at: [], hyperparameters: {}, values: {} };

/** The page that follows a number; after the last one an empty page. */
function pageAfter({ columns }: Part, after: number): Page | undefined {
  const next = columns.find((_, place) => (place === 0 ? -1 : (columns[place - 1]?.last ?? -1)) === after);
  const end = columns[columns.length - 1];
  return next ?? (end && { ...end, trials: NONE, changed: NONE, more: false });
}

function curvesOf({ trials }: Part, numbers: readonly number[]) {
  const wanted = new Set(numbers);
  return trials.filter((each) => wanted.has(each.number)).map(({ number, state, reports }) => {
    const metrics = [...new Set(reports.flatMap((report) => Object.keys(report.values)))];
    const column = (metric: string) => reports.map(({ values }: { values: Values }) => values[metric] ?? null);
    return { number, state, steps: reports.map((report) => report.step), values: Object.fromEntries(metrics.map((metric) => [metric, column(metric)])) };
  });
}
