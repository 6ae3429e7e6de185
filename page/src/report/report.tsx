// A report: the same views as the page's, of experiments that are in the file itself.

import { useEffect } from "preact/hooks";
import { Compare } from "../compare/page";
import { ExperimentPage } from "../experiment/page";
import { count, thousands, when } from "../format";
import { useRoute } from "../hooks";
import { PersonContext, type Person } from "../rights";
import { COMPARE, format, type Route } from "../route";
import type { Content, Part } from "./source";

/** Without any right nothing is offered that would act. */
const READER: Person = { actor: { name: null, groups: [], how: "" }, rights: {} };

export function Report({ content }: { content: Content }) {
  const route = placeOf(useRoute(), content);
  const { name } = route;
  const title = name === COMPARE ? "Comparison" : name;
  useEffect(() => void (document.title = `${title} · Tunelet`), [title]);
  return (
    <PersonContext.Provider value={READER}>
      <header class="bar report">
        <nav class="crumbs" aria-label="Experiments of this report">
          {content.experiments.length > 1 && <Place route={{ ...compared(content) }} text="Comparison" here={name === COMPARE} />}
          {content.experiments.map(({ experiment: { name: each } }) => (
            <Place key={each} route={{ namespace: content.namespace, name: each, query: {} }} text={each} here={each === name} />
          ))}
        </nav>
        <span class="faint">Report of {when(content.made_at * 1000)}</span>
      </header>
      <main id="main" tabIndex={-1}>
        {content.experiments.filter(({ experiment }) => name === COMPARE || experiment.name === name).map((part) => <LeftOut key={part.experiment.uid} part={part} />)}
        {name === COMPARE ? <Compare route={route} /> : <ExperimentPage key={name} route={route} />}
      </main>
    </PersonContext.Provider>
  );
}

function Place({ route, text, here }: { route: Route; text: string; here: boolean }) {
  return <a class="place" href={format(route)} aria-current={here ? "page" : undefined}>{text}</a>;
}

function LeftOut({ part: { experiment, columns, trials } }: { part: Part }) {
  const all = (columns[columns.length - 1]?.last ?? -1) + 1;
  if (trials.length >= all) return null;
  return <p class="left-out faint">{`${experiment.name} has ${count(all, "trial")}. The report has the values and hyperparameters of all, but the reports, notes and reasons of only ${thousands(trials.length)}: the best and the newest.`}</p>;
}

function compared({ namespace, experiments }: Content): Route {
  return { namespace, name: COMPARE, query: { names: experiments.map((each) => each.experiment.name).join(",") } };
}

/** The address, if it is of something here; else the comparison, or the only experiment. */
function placeOf(route: Route, content: Content): Route {
  const { experiments, namespace } = content;
  if (route.name === COMPARE || experiments.some((each) => each.experiment.name === route.name)) return { ...route, namespace };
  return experiments.length > 1 ? compared(content) : { namespace, name: experiments[0]?.experiment.name ?? "", query: {} };
}
