// Two objectives over each other, with the front of all objectives, and its hypervolume.

import { useCallback, useMemo } from "preact/hooks";
import { volumeOf, type Front } from "../data/front";
import { count, number } from "../format";
import { xOf, yOf, type Frame } from "../draw/axes";
import type { Place } from "../draw/canvas";
import { Legend } from "./legend";
import { Plot } from "./plot";
import { Choice } from "./scatter";
import { dimensionOf, useChoice, type ViewProps } from "./view";

export function Pareto(props: ViewProps) {
  return props.front && <Objectives {...props} front={props.front} />;
}

function Objectives(props: ViewProps & { front: Front }) {
  const { followed, dimensions, front } = props;
  const { experiment } = followed;
  const { objectives } = experiment.spec;
  const choices = dimensions.filter((each) => objectives.some(({ metric }) => each.id === `v:${metric}`));
  const [x, setX] = useChoice(props, "across", choices, `v:${objectives[0]?.metric}`);
  const [y, setY] = useChoice(props, "up", choices, `v:${objectives[1]?.metric}`);
  const [across, up] = [dimensionOf(dimensions, x), dimensionOf(dimensions, y)];
  const volume = useMemo(() => volumeOf(front), [front]);
  const over = useCallback((place: Place, inner: Frame) => {
    if (across && up) drawFront(place, inner, front.rows, across.at, up.at, objectives.length === 2);
  }, [front, across, up, objectives]);
  return (
    <div class="with-choice">
      <div class="choices">
        {objectives.length > 2 && <><Choice label="Across" value={x} set={setX} dimensions={choices} /><Choice label="Up" value={y} set={setY} dimensions={choices} /></>}
        <span class="faint">{count(front.rows.length, "trial")} on the front{objectives.length > 2 && ` of ${objectives.length} objectives`}{front.rows.length > 0 && !Number.isNaN(volume) && `, hypervolume ${number(volume)} (reference: the worst values)`}</span>
        <Legend followed={followed} best={front.rows.length > 0 ? "front" : undefined} />
      </div>
      {across && up && <Plot {...props} x={across} y={up} over={over} />}
    </div>
  );
}

function drawFront({ context, theme }: Place, inner: Frame, rows: readonly number[], x: (row: number) => number, y: (row: number) => number, steps: boolean) {
  context.strokeStyle = context.fillStyle = theme.best;
  context.lineWidth = 1.5;
  context.beginPath();
  let before = NaN;
  for (const row of steps ? rows : []) {
    const [px, py] = [xOf(inner, x(row)), yOf(inner, y(row))];
    if (!Number.isNaN(before)) context.lineTo(px, before);
    context.lineTo(px, py);
    before = py;
  }
  context.stroke();
  context.lineWidth = 1;
  for (const row of rows) {
    context.beginPath();
    context.arc(xOf(inner, x(row)), yOf(inner, y(row)), 3.5, 0, 7);
    context.fill();
  }
}
