// A trial's reports as a small curve of one metric.

import { useCallback, useMemo, useState } from "preact/hooks";
import { extent } from "../data/importance";
import { measured, type Spec, type Trial } from "../documents";
import { drawAxes, frame, xOf, yOf } from "../draw/axes";
import { Canvas, type Draw } from "../draw/canvas";
import { scale } from "../draw/scale";

export function Reports({ trial, spec }: { trial: Trial; spec: Spec }) {
  const metrics = useMemo(() => [...new Set(trial.reports.flatMap((each) => Object.keys(each.values)))], [trial]);
  const [chosen, choose] = useState<string | null>(null);
  const named = spec.objectives.map((each) => each.metric).find((metric) => metrics.includes(metric));
  const metric = chosen ?? named ?? metrics[0] ?? "";
  const points = useMemo(() => trial.reports.map((each): [number, number] => [each.step, measured(each.values[metric])]).filter(([, value]) => Number.isFinite(value)), [trial, metric]);
  const draw: Draw = useCallback((place) => drawCurve(place, points, metric), [points, metric]);
  return (
    <section>
      <h3>Reports</h3>
      {metrics.length > 1 && (
        <select aria-label="Metric of the reports" value={metric} onChange={(event) => choose(event.currentTarget.value)}>
          {metrics.map((each) => <option key={each}>{each}</option>)}
        </select>
      )}
      <Canvas draw={draw} class="curve" label={`${metric} of ${points.length} steps`} />
    </section>
  );
}

const drawCurve = (place: Parameters<Draw>[0], points: readonly (readonly [number, number])[], metric: string) => {
  if (points.length === 0) return;
  const [steps, values] = [extent(points.map(([x]) => x)), extent(points.map(([, y]) => y))];
  const inner = frame(place.width, place.height, { ...scale(...steps, false), whole: true }, scale(...values, false));
  drawAxes(place, inner, "step", metric);
  const { context, theme } = place;
  context.strokeStyle = context.fillStyle = theme.accent;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const [x, y] of points) context.lineTo(xOf(inner, x), yOf(inner, y));
  context.stroke();
  if (points.length > 40) return;
  for (const [x, y] of points) {
    context.beginPath();
    context.arc(xOf(inner, x), yOf(inner, y), 2.5, 0, 7);
    context.fill();
  }
};
