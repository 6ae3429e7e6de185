// The best trials of several experiments, and their spaces side by side.

import { now } from "../clock";
import type { Followed } from "../data/follow";
import { rangeOf, shown, type Dimension } from "../data/dimensions";
import { hyperparametersOf as dimensionsOf } from "../data/dimensions";
import type { Objective } from "../documents";
import { duration, instant, number } from "../format";
import { Progress, State } from "../parts/state";
import { format } from "../route";
import { bestRows, has, hyperparametersOf, nameOf } from "./series";

export interface Compared {
  followed: Followed;
  color: number;
  /** The row of its best trial by the chosen objective; null if there is none. */
  best: number | null;
}

export function compared(followed: Followed, objective: Objective, color: number): Compared {
  const rows = has(followed, objective) ? bestRows(followed, objective, "trials") : [];
  return { followed, color, best: rows[rows.length - 1] ?? null };
}

export function Swatch({ color }: { color: number }) {
  return <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2" class={`series-${color}`} /></svg>;
}

export function Bests({ all, objective, remove }: { all: readonly Compared[]; objective: Objective; remove: (name: string) => void }) {
  return (
    <table class="bests">
      <thead><tr><th scope="col">Experiment</th><th scope="col">State</th><th scope="col">Trials</th><th scope="col" class="right" title={nameOf(objective)}>Best {objective.metric}</th><th scope="col">Trial</th><th scope="col">Algorithm</th><th scope="col" class="right">Time</th><th scope="col"><span class="hidden">Remove</span></th></tr></thead>
      <tbody>{all.map((each) => <Best key={each.followed.experiment.uid} {...each} objective={objective} remove={remove} />)}</tbody>
    </table>
  );
}

function Best({ followed, color, best, objective, remove }: Compared & { objective: Objective; remove: (name: string) => void }) {
  const { overview, experiment, trials } = followed;
  const { namespace, name, spec } = experiment;
  const end = overview.ended_at === null ? now() : instant(overview.ended_at);
  return (
    <tr>
      <td><Swatch color={color} /><a href={format({ namespace, name, query: {} })}>{name}</a></td>
      <td><State state={overview.state} reason={overview.reason} /></td>
      <td><Progress counts={overview.counts} most={overview.max_trials} /></td>
      <td class="right">{best === null ? <span class="faint">{has(followed, objective) ? "none yet" : "not comparable"}</span> : <b title={`to ${objective.direction}`}>{number(trials.values.get(objective.metric)?.data[best] ?? NaN, 5)}</b>}</td>
      <td>{best !== null && <a href={format({ namespace, name, query: { trial: `${best}` } })}>{best}</a>}</td>
      <td>{[overview.algorithm, ...spec.early_stopping.map((rule) => rule.name)].join(", ")}</td>
      <td class="right">{duration(Math.max(0, (end - instant(overview.submitted_at)) / 1000))}</td>
      <td><button type="button" class="plain" aria-label={`Remove ${name}`} onClick={() => remove(name)}>×</button></td>
    </tr>
  );
}

/** One row a hyperparameter: where each experiment searches, and the value of its best trial. */
export function Spaces({ all }: { all: readonly Compared[] }) {
  const given = all.map(({ followed }) => new Map(dimensionsOf(followed.trials, followed.experiment.spec).map((each) => [each.label, each])));
  return (
    <table class="spaces">
      <thead><tr><th scope="col">Hyperparameter</th>{all.map(({ followed, color }) => <th key={followed.experiment.uid} scope="col"><Swatch color={color} />{followed.experiment.name}</th>)}</tr></thead>
      <tbody>
        {hyperparametersOf(all.map(({ followed }) => followed)).map((name) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {all.map(({ followed, best }, index) => <Cell key={followed.experiment.uid} range={rangeOf(followed.experiment.spec.hyperparameters[name])} dimension={given[index]?.get(name)} best={best} />)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell({ range, dimension, best }: { range: string; dimension: Dimension | undefined; best: number | null }) {
  const value = dimension && best !== null ? dimension.at(best) : NaN;
  return <td>{dimension && !Number.isNaN(value) && <b>{shown(dimension, value)} </b>}<span class="faint">{range}</span></td>;
}
