// One experiment: its views above, the table of its trials below, and a trial beside them.

import { useEffect, useMemo, useState } from "preact/hooks";
import { Propose } from "../actions/propose";
import { improvements, top } from "../data/best";
import { dimensions as dimensionsOf } from "../data/dimensions";
import { every, rowsOf, test, type Brush, type Brushes } from "../data/filter";
import { useExperiment, type Followed } from "../data/follow";
import { frontOf, type Front } from "../data/front";
import type { Objective, Trial } from "../documents";
import { count, thousands } from "../format";
import { usePrinting } from "../hooks";
import { Fault } from "../parts/message";
import { useQuery } from "../query";
import { brushesOf, brushesText, orderOf, orderText, type Route } from "../route";
import { Detail } from "../trials/detail";
import { Download } from "../trials/download";
import { Printed } from "../trials/printed";
import { columnsOf, inSight, isChosen, Table, USUAL } from "../trials/table";
import { AxesChoice, MOST, useAxes } from "../views/axes";
import { objectiveOf } from "../views/objective";
import { topOf } from "../views/top";
import { Filter } from "./filter";
import { Head } from "./head";
import { Views } from "./views";

export function ExperimentPage({ route }: { route: Route }) {
  const { followed, fault, again } = useExperiment(route.namespace, route.name ?? "");
  if (!followed) return (
    <>
      <h1 class="hidden">{route.name}</h1>
      {fault === null ? <p class="note faint" role="status">Reading…</p> : <Fault fault={fault} retry={again} />}
    </>
  );
  return (
    <section class="experiment" aria-label={followed.experiment.name}>
      <Head followed={followed} again={again} />
      {fault !== null && <Fault fault={fault} retry={again} />}
      <Body key={followed.experiment.uid} route={route} followed={followed} again={again} />
    </section>
  );
}

/** The trial that the address names, if there is one. */
function trialOf(text: string | undefined, count: number): number | null {
  return /^\d+$/.test(text ?? "") && Number(text) < count ? Number(text) : null;
}

function Body({ route, followed, again }: { route: Route; followed: Followed; again: () => void }) {
  const { trials, version, experiment } = followed;
  const { query, change, open, close } = useQuery(route);
  const [proposal, propose] = useState<Trial | null>(null);
  const text = query.filter ?? "";
  const prints = usePrinting();
  const brushes = useMemo(() => brushesOf(query.brush), [query.brush]);
  const selected = trialOf(query.trial, trials.count);
  const columnNames = useColumnNames(followed);
  const dimensions = useMemo(() => dimensionsOf(trials, experiment.spec), [trials, experiment, columnNames]);
  const passes = useMemo(() => test(text, trials, dimensions), [text, trials, trials.count, dimensions]);
  const all = useMemo(() => every(trials.count), [trials, version]);
  const sieved = useMemo(() => {
    const sieve = typeof passes === "string" ? () => true : passes;
    return text.trim() === "" && brushes.size === 0 ? all : rowsOf(trials, sieve, brushes, dimensions);
  }, [all, passes, brushes, dimensions]);
  const many = topOf(query.best);
  const objective = objectiveOf(experiment.spec.objectives, query.objective);
  const rows = useMemo(() => (many === null || !objective ? sieved : top(trials, experiment.spec, objective, sieved, many)), [sieved, many, trials, version, experiment, objective]);
  const setBrushes = (changes: readonly (readonly [string, Brush | null])[]) => change({ brush: brushesText(changed(brushes, changes)) });
  const select = (row: number | null) => {
    if (row === null) close({ trial: "" });
    else (selected === null ? open : change)({ trial: `${row}` });
  };
  const columns = useMemo(() => columnsOf(dimensions, trials), [dimensions, trials]);
  const order = orderOf(query.sort, USUAL);
  const choice = useAxes({ followed, dimensions, objective, all, query, change }, "columns", isChosen);
  const shown = useMemo(() => inSight(columns, choice.axes, order.id), [columns, choice.axes, order.id]);
  const front = useFront(followed);
  const best = useBest(followed, front);
  // The request has no trials.
  const alone = query.view === "request";
  useEscape(() => (query.trial ? select(null) : change({ brush: "", best: "" })));
  return (
    <div class="body">
      <div class={alone ? "left alone" : "left"}>
        {objective && <Views {...{ followed, dimensions, objective, rows, all, brushes, setBrushes, selected, select, front }}
          query={query} change={change} view={query.view ?? ""} choose={(view) => open({ view })} />}
        {query.trial && selected === null && followed.whole && (
          <p class="note" role="status">There is no trial {query.trial}. <button type="button" class="plain" onClick={() => select(null)}>Close</button></p>
        )}
        {!alone && <>
        <Filter text={text} setText={(filter) => change({ filter })} wrong={typeof passes === "string" && followed.whole ? passes : null}
          brushes={brushes} setBrushes={setBrushes} top={many} clearTop={() => change({ best: "" })} dimensions={dimensions} example={exampleOf(objective)} summary={summary(rows.length, followed)}>
          {(choice.given.length > MOST || trials.attributes.size > 0) && <AxesChoice {...choice} title="Columns" />}
          <Download {...{ followed, rows, columns, order }} />
        </Filter>
        {prints ? <Printed {...{ trials, spec: experiment.spec, objective, rows, columns: shown, order }} summary={summary(rows.length, followed)} filter={text} />
          : <Table {...{ trials, version, rows, all, columns: shown, best, selected, select, order }} setOrder={(order) => change({ sort: orderText(order, USUAL) })} />}
        </>}
      </div>
      {selected !== null && <Detail key={selected} followed={followed} row={selected} close={() => select(null)} propose={propose} again={again} />}
      {proposal && <Propose followed={followed} trial={proposal} close={() => propose(null)} done={again} />}
    </div>
  );
}

/** Changes when a column appears, or gets a new name: then the dimensions are other ones. */
function useColumnNames({ trials, version }: Followed): string {
  return useMemo(() => {
    const given = [...trials.hyperparameters].map(([name, { names }]) => `${name} ${names?.length ?? ""}`);
    const attached = [...trials.attributes].map(([name, { names }]) => `${name} ${names === null}`);
    return [...trials.values.keys(), ...given, ...attached].join("\n");
  }, [trials, version]);
}

/** A term of the filter that keeps good trials. */
function exampleOf(objective: Objective | undefined): string {
  return objective?.direction === "maximize" ? `${objective.metric}>0.8` : `${objective?.metric ?? "loss"}<0.2`;
}

function summary(shown: number, { trials, whole }: Followed): string {
  const all = count(trials.count, "trial");
  if (!whole) return `${all}, reading more…`;
  return shown === trials.count ? all : `${thousands(shown)} of ${all}`;
}

function changed(old: Brushes, changes: readonly (readonly [string, Brush | null])[]): Brushes {
  const now = new Map(old);
  for (const [id, brush] of changes) {
    if (brush) now.set(id, brush);
    else now.delete(id);
  }
  return now;
}

/** The front of several objectives; null of one. */
function useFront({ trials, version, experiment: { spec } }: Followed): Front | null {
  return useMemo(() => (spec.objectives.length > 1 ? frontOf(trials, spec, spec.objectives) : null), [trials, version, spec]);
}

/** The best trial, or those on the front of several objectives. */
function useBest({ trials, version, experiment: { spec } }: Followed, front: Front | null): ReadonlySet<number> {
  return useMemo(() => {
    const [objective] = spec.objectives;
    return new Set(front?.rows ?? (objective ? improvements(trials, spec, objective).slice(-1) : []));
  }, [trials, version, spec, front]);
}

function useEscape(escape: () => void) {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const typed = event.target instanceof HTMLInputElement && event.target.type !== "checkbox" && event.target.value !== "";
      if (event.key === "Escape" && !typed && !document.querySelector("dialog[open]")) escape();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  });
}
