// Of several objectives the one that the views show: one choice for all of them, in the address.

import type { Objective } from "../documents";
import type { ViewProps } from "./view";

/** The objective that the address names, or the first one. */
export function objectiveOf(objectives: readonly Objective[], metric: string | undefined): Objective | undefined {
  return objectives.find((each) => each.metric === metric) ?? objectives[0];
}

/** Nothing if there is only one objective. */
export function ObjectiveChoice({ followed, objective, change }: Pick<ViewProps, "followed" | "objective" | "change">) {
  const { objectives } = followed.experiment.spec;
  if (objectives.length < 2) return null;
  const choose = (metric: string) => change({ objective: metric === objectives[0]?.metric ? "" : metric });
  return (
    <label class="choice">Objective{" "}
      <select value={objective.metric} onChange={(event) => choose(event.currentTarget.value)}>
        {objectives.map(({ metric }) => <option key={metric} value={metric}>{metric}</option>)}
      </select>
    </label>
  );
}
