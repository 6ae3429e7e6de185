// Several experiments of a namespace in one picture. The address names them, so that it can be shared.

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { extent } from "../data/importance";
import { useExperiment, type Followed } from "../data/follow";
import type { Objective } from "../documents";
import { count } from "../format";
import { go } from "../hooks";
import { Fault } from "../parts/message";
import { useMay } from "../rights";
import { format, type Route } from "../route";
import { isLog, Logarithmic } from "../views/logarithmic";
import { Picture } from "./picture";
import { apart, MOST, nameOf, namesOf, objectiveIn, objectivesOf, seriesOf, type Over } from "./series";
import { Bests, compared, Spaces } from "./tables";

/** For experiments without any objective. */
const NONE: Objective = { metric: "", direction: "minimize" };

type Known = ReadonlyMap<string, Followed>;

export function Compare({ route }: { route: Route }) {
  const { namespace, query } = route;
  const may = useMay();
  const given = useMemo(() => namesOf(query.names), [query.names]);
  const names = given.slice(0, MOST);
  const [known, setKnown] = useState<Known>(new Map());
  const report = useCallback((name: string, followed: Followed) => setKnown((old) => new Map(old).set(name, followed)), []);
  const change = (changes: Record<string, string>) => go({ ...route, query: { ...query, ...changes } }, true);
  const remove = (name: string) => change({ names: given.filter((each) => each !== name).join(",") });
  const found = names.flatMap((name) => known.get(name) ?? []);
  return (
    <section class="compare" aria-label="Comparison">
      <header class="head">
        <div class="title">
          <h1>{count(names.length, "experiment")} compared</h1>
          {may("list", "experiments") && <a class="button" href={format({ namespace, name: null, query: { compare: given.join(",") } })}>Choose others</a>}
        </div>
        {given.length > MOST && <p class="wrong">{`A comparison has at most ${MOST} experiments: these are the first ones.`}</p>}
      </header>
      {names.map((name) => <Follower key={`${namespace}/${name}`} namespace={namespace} name={name} report={report} remove={remove} />)}
      {names.length === 0 && <p class="note faint">Choose experiments in the list, at the left of their names.</p>}
      {found.length > 0 && <Body found={found} names={names} query={query} change={change} remove={remove} />}
    </section>
  );
}

/** Reads one experiment, and shows only what goes wrong. */
function Follower({ namespace, name, report, remove }: { namespace: string; name: string; report: (name: string, followed: Followed) => void; remove: (name: string) => void }) {
  const { followed, fault, again } = useExperiment(namespace, name);
  useEffect(() => {
    if (followed) report(name, followed);
  }, [followed]);
  if (fault === null) return null;
  return <div class="missing"><Fault fault={fault} retry={again} /><button type="button" class="plain" onClick={() => remove(name)}>Leave out {name}</button></div>;
}

function Body({ found, names, query, change, remove }: {
  found: readonly Followed[]; names: readonly string[]; query: Record<string, string>; change: (changes: Record<string, string>) => void; remove: (name: string) => void;
}) {
  const objectives = objectivesOf(found);
  const objective = objectiveIn(objectives, query) ?? NONE;
  const { metric } = objective;
  const others = apart(found, objective);
  const choose = (name: string) => {
    const { metric = "", direction = "" } = objectives.find((each) => nameOf(each) === name) ?? {};
    change({ metric, direction });
  };
  const over: Over = query.over === "time" ? "time" : "trials";
  const color = (followed: Followed) => names.indexOf(followed.experiment.name);
  const key = found.map(({ experiment, version }) => `${experiment.uid} ${version}`).join();
  const series = useMemo(() => found.flatMap((each) => seriesOf(each, objective, over, color(each)) ?? []), [key, nameOf(objective), over, names.join()]);
  const ends = useMemo(() => extent(series.flatMap(({ points }) => points.map(([, value]) => value))), [series]);
  const all = found.map((each) => compared(each, objective, color(each)));
  return (
    <>
      <div class="choices">
        {objectives.length > 1 && <label class="choice">Objective <select value={nameOf(objective)} onChange={(event) => choose(event.currentTarget.value)}>{objectives.map((each) => <option key={nameOf(each)}>{nameOf(each)}</option>)}</select></label>}
        <label class="choice">Over <select value={over} onChange={(event) => change({ over: event.currentTarget.value })}><option>trials</option><option>time</option></select></label>
        <Logarithmic query={query} change={change} ends={ends} />
      </div>
      {others.length > 0 && <p class="apart" role="status">{`Not comparable by ${nameOf(objective)}: ${others.join(", ")}.`}</p>}
      {series.length > 0 ? <Picture series={series} metric={metric} over={over} ends={ends} log={isLog(query.log, ends)} /> : <p class="note faint">No trial of these has a value of {metric} yet.</p>}
      <h2>The best of each</h2>
      <div class="wide-table" tabIndex={0} role="region" aria-label="The best of each"><Bests all={all} objective={objective} remove={remove} /></div>
      <h2>Where they search, with the values of the best trial</h2>
      <div class="wide-table" tabIndex={0} role="region" aria-label="Spaces"><Spaces all={all} /></div>
    </>
  );
}
