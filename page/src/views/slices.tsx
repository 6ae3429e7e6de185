// The objective over each hyperparameter, one small plot each.

import { AxesChoice, MOST, useAxes } from "./axes";
import { Plot } from "./plot";
import { dimensionOf, type ViewProps } from "./view";

export function Slices(props: ViewProps) {
  const y = dimensionOf(props.dimensions, `v:${props.objective.metric}`);
  const axes = useAxes(props);
  return (
    <div class="with-choice">
      {(axes.chosen || axes.given.length > MOST) && <div class="choices"><AxesChoice {...axes} /></div>}
      <div class="slices" tabIndex={0} role="region" aria-label="Slices">{y && axes.axes.map((x) => <Plot key={x.id} {...props} x={x} y={y} class="slice" />)}</div>
    </div>
  );
}
