// The objective over each hyperparameter, one small plot each.

import { Plot } from "./plot";
import { dimensionOf, type ViewProps } from "./view";

export function Slices(props: ViewProps) {
  const y = dimensionOf(props.dimensions, `v:${props.objective.metric}`);
  const given = props.dimensions.filter((each) => each.id.startsWith("h:"));
  return <div class="slices" tabIndex={0} role="region" aria-label="Slices">{y && given.map((x) => <Plot key={x.id} {...props} x={x} y={y} class="slice" />)}</div>;
}
