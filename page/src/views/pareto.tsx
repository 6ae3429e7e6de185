// Two objectives over each other, with the front that no trial beats, and its hypervolume.

import { useCallback, useMemo, useState } from "preact/hooks";
import { counts, feasible, front, hypervolume, signOf } from "../data/best";
import { count, number } from "../format";
import { xOf, yOf, type Frame } from "../draw/axes";
import type { Place } from "../draw/canvas";
import { Legend } from "./legend";
import { Plot } from "./plot";
import { Choice } from "./scatter";
import { dimensionOf, type ViewProps } from "./view";

export function Pareto(props: ViewProps) {
  const { followed, dimensions } = props;
  const { trials, version, experiment } = followed;
  const { objectives } = experiment.spec;
  const [x, setX] = useState(`v:${objectives[0]?.metric}`);
  const [y, setY] = useState(`v:${objectives[1]?.metric}`);
  const [across, up] = [dimensionOf(dimensions, x), dimensionOf(dimensions, y)];
  const [first, second] = [x, y].map((id) => objectives.find((each) => `v:${each.metric}` === id));
  const best = useMemo(() => (first && second ? front(trials, experiment.spec, first, second) : []), [trials, version, experiment, first, second]);
  const volume = useMemo(() => {
    if (!first || !second || best.length === 0) return NaN;
    const loss = (metric: string, sign: number) => (row: number) => sign * (trials.values.get(metric)?.data[row] ?? NaN);
    const [lx, ly] = [loss(first.metric, signOf(first)), loss(second.metric, signOf(second))];
    const [fx, fy] = [counts(trials, experiment.spec, first.metric), counts(trials, experiment.spec, second.metric)];
    const worst: [number, number] = [-Infinity, -Infinity];
    for (let row = 0; row < trials.count; row += 1) {
      if (!fx(row) || !fy(row)) continue;
      worst[0] = Math.max(worst[0], lx(row));
      worst[1] = Math.max(worst[1], ly(row));
    }
    return hypervolume(best.map((row) => [lx(row), ly(row)]), worst);
  }, [best, trials, version]);
  const over = useCallback((place: Place, inner: Frame) => {
    if (across && up) drawFront(place, inner, best, across.at, up.at);
  }, [best, across, up]);
  const { constraints } = experiment.spec;
  const pale = useMemo(() => (constraints.length ? (row: number) => !feasible(trials, constraints, row) : undefined), [trials, version, constraints]);
  const choices = dimensions.filter((each) => objectives.some(({ metric }) => each.id === `v:${metric}`));
  return (
    <div class="with-choice">
      <div class="choices">
        {objectives.length > 2 && <><Choice label="Across" value={x} set={setX} dimensions={choices} /><Choice label="Up" value={y} set={setY} dimensions={choices} /></>}
        <span class="faint">{count(best.length, "trial")} on the front{Number.isNaN(volume) ? "" : `, hypervolume ${number(volume)} up to the worst values`}{pale && "; trials that miss a constraint are grey"}</span>
        <Legend trials={trials} version={version} />
      </div>
      {across && up && <Plot {...props} x={across} y={up} over={over} pale={pale} />}
    </div>
  );
}

function drawFront({ context, theme }: Place, inner: Frame, rows: readonly number[], x: (row: number) => number, y: (row: number) => number) {
  context.strokeStyle = context.fillStyle = theme.best;
  context.lineWidth = 1.5;
  context.beginPath();
  let before = NaN;
  for (const row of rows) {
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
