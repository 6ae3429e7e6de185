// The objective over each hyperparameter, one small plot each.

import { AxesChoice, MOST, useAxes } from "./axes";
import { Legend } from "./legend";
import { ObjectiveChoice } from "./objective";
import { Plot } from "./plot";
import { dimensionOf, type ViewProps } from "./view";

export function Slices(props: ViewProps) {
  const y = dimensionOf(props.dimensions, `v:${props.objective.metric}`);
  const axes = useAxes(props);
  const chooses = axes.chosen || axes.given.length > MOST;
  return (
    <div class="with-choice">
      <div class="choices"><ObjectiveChoice {...props} />{chooses && <AxesChoice {...axes} />}<Legend followed={props.followed} /></div>
      <div class="slices" tabIndex={0} role="region" aria-label="Slices">{y && axes.axes.map((x) => <Plot key={x.id} {...props} x={x} y={y} class="slice" />)}</div>
    </div>
  );
}
