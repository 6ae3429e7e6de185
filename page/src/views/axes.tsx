// Which hyperparameters have an axis or a slice: all of a few, of many the most important ones, or those that a person chooses.

import { useMemo, useRef, useState } from "preact/hooks";
import { counts } from "../data/best";
import type { Dimension } from "../data/dimensions";
import { importances } from "../data/importance";
import type { Trials } from "../data/trials";
import type { Objective } from "../documents";
import type { ViewProps } from "./view";

/** More could not be read beside each other. */
export const MOST = 12;
/** So many trials tell which hyperparameters are important. */
const ENOUGH = 2_000;

export interface Axes {
  /** All hyperparameters. */
  given: readonly Dimension[];
  /** Those that are shown, in order. */
  axes: readonly Dimension[];
  /** Whether a person has chosen them. */
  chosen: boolean;
  /** None: the usual ones again. */
  choose: (axes: readonly Dimension[]) => void;
}

type Given = Pick<ViewProps, "followed" | "dimensions" | "all" | "query" | "change"> & { objective: Objective | undefined };

/** What `fits` can be chosen, and `key` names in the address what a person has chosen. The usual ones are hyperparameters. */
export function useAxes({ followed, dimensions, objective, all, query, change }: Given, key = "axes", fits = isHyperparameter): Axes {
  const { trials, version, experiment } = followed;
  const given = useMemo(() => dimensions.filter(fits), [dimensions]);
  const ended = useMemo(() => (objective ? all.filter(counts(trials, experiment.spec, objective.metric)).length : 0), [trials, version, experiment, all, objective]);
  // They stay while trials come in, until there are twice as many to tell by.
  const usual = useMemo(() => usualOf(trials, all, given.filter(isHyperparameter), objective), [trials, given, objective, Math.floor(Math.log2(ended + 1))]);
  const named = useMemo(() => axesOf(query[key], given), [query[key], given]);
  return {
    given, axes: named.length > 0 ? named : usual, chosen: named.length > 0,
    choose: (axes) => change({ [key]: axesText(axes) }),
  };
}

function isHyperparameter({ id }: Dimension): boolean {
  return id.startsWith("h:");
}

/** All hyperparameters if they are few; else the most important ones first. */
export function usualOf(trials: Trials, rows: Int32Array, given: readonly Dimension[], objective: Objective | undefined): readonly Dimension[] {
  if (given.length <= MOST || !objective) return given.slice(0, MOST);
  const step = Math.ceil(rows.length / ENOUGH);
  const some = step > 1 ? rows.filter((_, place) => place % step === 0) : rows;
  const important = importances(trials, some, given, objective).map(([dimension]) => dimension);
  return [...new Set([...important, ...given])].slice(0, MOST);
}

/** The axes that the address names. */
export function axesOf(text: string | undefined, given: readonly Dimension[]): Dimension[] {
  const names = (text ?? "").split(",").map(decoded);
  return [...new Set(names)].flatMap((name) => given.find(({ label }) => label === name) ?? []);
}

export function axesText(axes: readonly Dimension[]): string {
  return axes.map(({ label }) => label.replace(/[%,]/g, encodeURIComponent)).join(",");
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** A list to choose from, in the order in which one chooses. */
export function AxesChoice({ given, axes, chosen, choose, title = "Axes" }: Axes & { title?: string }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const box = useRef<HTMLDetailsElement>(null);
  const close = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    box.current?.removeAttribute("open");
    box.current?.querySelector("summary")?.focus();
  };
  const toggle = (dimension: Dimension) => choose(axes.includes(dimension) ? axes.filter((each) => each !== dimension) : [...axes, dimension]);
  const found = given.filter(({ label }) => label.toLowerCase().includes(text.trim().toLowerCase()));
  return (
    <details class="axes" ref={box} onToggle={(event) => setOpen(event.currentTarget.open)} onKeyDown={close}>
      <summary>{title}: {axes.length} of {given.length}</summary>
      {open && (
        <div class="axes-list">
          {given.length > MOST && <input type="search" class="find" placeholder="Find by name" aria-label="Find hyperparameters" value={text} onInput={(event) => setText(event.currentTarget.value)} />}
          <div class="scrolled" role="group" aria-label="Hyperparameters to show">
            {found.map((each) => (
              <label key={each.id}><input type="checkbox" checked={axes.includes(each)} onChange={() => toggle(each)} /> {each.label}</label>
            ))}
          </div>
          {chosen && <button type="button" class="plain" onClick={() => choose([])}>{title === "Columns" ? "The usual ones" : given.length > MOST ? "The most important" : "All"}</button>}
        </div>
      )}
    </details>
  );
}
