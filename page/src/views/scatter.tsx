// Any two dimensions over each other.

import type { Dimension } from "../data/dimensions";
import { Legend } from "./legend";
import { Plot } from "./plot";
import { dimensionOf, useChoice, type ViewProps } from "./view";

export function Scatter(props: ViewProps) {
  const { dimensions, objective } = props;
  const given = dimensions.filter((each) => each.id.startsWith("h:"));
  const [x, setX] = useChoice(props, "x", dimensions, given[0]?.id ?? "number");
  const [y, setY] = useChoice(props, "y", dimensions, given[1]?.id ?? `v:${objective.metric}`);
  const [across, up] = [dimensionOf(dimensions, x), dimensionOf(dimensions, y)];
  return (
    <div class="with-choice">
      <div class="choices">
        <Choice label="Across" value={x} set={setX} dimensions={dimensions} />
        <Choice label="Up" value={y} set={setY} dimensions={dimensions} />
        <Legend followed={props.followed} />
      </div>
      {across && up && <Plot {...props} x={across} y={up} />}
    </div>
  );
}

export function Choice({ label, value, set, dimensions }: { label: string; value: string; set: (id: string) => void; dimensions: readonly Dimension[] }) {
  return (
    <label class="choice">{label}{" "}
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        {dimensions.map((each) => <option key={each.id} value={each.id}>{each.label}</option>)}
      </select>
    </label>
  );
}
