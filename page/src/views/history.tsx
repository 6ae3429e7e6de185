// The objective over the trials, with the best so far.

import { useCallback, useMemo } from "preact/hooks";
import { improvements } from "../data/best";
import { xOf, yOf, type Frame } from "../draw/axes";
import type { Place } from "../draw/canvas";
import { Plot } from "./plot";
import { dimensionOf, type ViewProps } from "./view";

export function History(props: ViewProps) {
  const { followed, objective, dimensions } = props;
  const x = dimensionOf(dimensions, "number");
  const y = dimensionOf(dimensions, `v:${objective.metric}`);
  const { trials, version, experiment } = followed;
  const best = useMemo(() => improvements(trials, experiment.spec, objective), [trials, version, experiment, objective]);
  const over = useCallback((place: Place, inner: Frame) => y && drawBest(place, inner, best, y.at, trials.count - 1), [best, y, trials, version]);
  return x && y ? <Plot {...props} x={x} y={y} over={over} /> : null;
}

function drawBest({ context, theme }: Place, inner: Frame, best: readonly number[], at: (row: number) => number, last: number) {
  if (best.length === 0) return;
  context.strokeStyle = theme.best;
  context.fillStyle = theme.best;
  context.lineWidth = 1.75;
  context.beginPath();
  let before = NaN;
  for (const row of best) {
    const [px, py] = [xOf(inner, row), yOf(inner, at(row))];
    if (Number.isNaN(before)) context.moveTo(px, py);
    else {
      context.lineTo(px, before);
      context.lineTo(px, py);
    }
    before = py;
  }
  context.lineTo(xOf(inner, last), before);
  context.stroke();
  context.lineWidth = 1;
  for (const row of best) {
    context.beginPath();
    context.arc(xOf(inner, row), yOf(inner, at(row)), 3, 0, 7);
    context.fill();
  }
}
