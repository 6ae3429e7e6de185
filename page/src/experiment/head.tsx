// The head of an experiment: its state and progress, and what one can do with it.

import { Actions } from "../actions/actions";
import type { Followed } from "../data/follow";
import { measured, type Spec } from "../documents";
import { count, duration, instant, number } from "../format";
import { useNow } from "../hooks";
import { Progress, State } from "../parts/state";

export function Head({ followed, again }: { followed: Followed; again: () => void }) {
  const { overview, experiment } = followed;
  const { spec, note } = experiment;
  return (
    <header class="head">
      <div class="title">
        <h1>{overview.name}</h1>
        <State state={overview.state} reason={overview.reason} />
        <Progress counts={overview.counts} most={overview.max_trials} />
        <Actions followed={followed} done={again} />
      </div>
      {overview.reason && <p class="reason">{overview.reason}</p>}
      {note && <p class="said"><span class="faint">Note</span> {note}</p>}
      <dl class="facts">
        <Best followed={followed} />
        <Fact name="Objective" text={objectives(spec)} />
        <Fact name="Algorithm" text={[overview.algorithm, ...spec.early_stopping.map((rule) => rule.name)].join(", ")} />
        {!spec.study && <Fact name="At a time" text={`${spec.parallel_trials}`} />}
        <Time followed={followed} />
        {spec.constraints.length > 0 && <Fact name="Constraints" text={constraints(spec)} />}
        {Object.keys(overview.labels).length > 0 && <Fact name="Labels" text={Object.entries(overview.labels).map(([key, value]) => `${key}=${value}`).join(" ")} />}
      </dl>
    </header>
  );
}

function objectives({ objectives }: Spec): string {
  return objectives.map(({ metric, direction, goal }) => `${direction} ${metric}${goal === null ? "" : ` to ${number(goal)}`}`).join(", ");
}

function constraints({ constraints }: Spec): string {
  return constraints.map(({ metric, min, max }) => [min, metric, max].filter((part) => part !== null).join(" ≤ ")).join(", ");
}

function Best({ followed: { overview } }: { followed: Followed }) {
  const objective = overview.objectives[0];
  if (overview.objectives.length > 1) return <Fact name="Pareto front" text={count(overview.front, "trial")} />;
  if (!overview.best || !objective) return <Fact name="Best" text="none yet" />;
  return <Fact name="Best" text={number(measured(overview.best.values[objective.metric]), 5)} more={`trial ${overview.best.number}`} strong />;
}

function Time({ followed: { overview } }: { followed: Followed }) {
  const now = useNow(overview.ended_at === null);
  const end = overview.ended_at === null ? now : instant(overview.ended_at);
  return <Fact name="Time" text={duration(Math.max(0, (end - instant(overview.submitted_at)) / 1000))} />;
}

function Fact({ name, text, more, strong }: { name: string; text: string; more?: string; strong?: boolean }) {
  return <div><dt>{name}</dt><dd class={strong ? "strong" : ""}>{text} {more && <span class="faint">{more}</span>}</dd></div>;
}
