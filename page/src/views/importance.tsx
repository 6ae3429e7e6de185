// How much each hyperparameter matters for the best values of an objective.

import { useMemo } from "preact/hooks";
import { importances } from "../data/importance";
import { Empty } from "../parts/empty";
import { ObjectiveChoice } from "./objective";
import type { ViewProps } from "./view";

export function Importance(props: ViewProps) {
  const { followed, dimensions, objective, rows } = props;
  const given = useMemo(() => dimensions.filter((each) => each.id.startsWith("h:")), [dimensions]);
  const shares = useMemo(() => importances(followed.trials, rows, given, objective), [followed.trials, followed.version, rows, given, objective]);
  return (
    <div class="with-choice">
      <div class="choices">
        <ObjectiveChoice {...props} />
        <span class="faint">How much each hyperparameter separates the best of the trials in sight from the rest (PED-ANOVA)</span>
      </div>
      {shares.length === 0 ? <Empty text="It takes six completed trials with different values to tell." /> : (
        <ul class="shares">
          {shares.map(([{ id, label }, share]) => (
            <li key={id}><span class="name" title={label}>{label}</span>
              <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width={share * 100} height="10" /></svg>
              <b>{Math.round(share * 100)} %</b></li>
          ))}
        </ul>
      )}
    </div>
  );
}
