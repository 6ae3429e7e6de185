// The objective over the trials or over time, with the best so far.

import { useCallback, useMemo } from "preact/hooks";
import { improvements } from "../data/best";
import { ENDED } from "../data/dimensions";
import { extent } from "../data/importance";
import { xOf, yOf, type Frame } from "../draw/axes";
import type { Place } from "../draw/canvas";
import { ordered } from "../trials/table";
import { Legend } from "./legend";
import { Logarithmic } from "./logarithmic";
import { ObjectiveChoice } from "./objective";
import { Plot } from "./plot";
import { Choice } from "./scatter";
import { dimensionOf, useChoice, type ViewProps } from "./view";

export function History(props: ViewProps) {
  const { followed, objective, dimensions, all } = props;
  const { trials, version, experiment } = followed;
  const times = dimensions.filter(({ id }) => id === "number" || id === ENDED);
  const [over, setOver] = useChoice(props, "over", times, "number");
  const [x, y] = [dimensionOf(dimensions, over), dimensionOf(dimensions, `v:${objective.metric}`)];
  const ends = useMemo(() => extent(all, y?.at), [all, y, version]);
  const best = useMemo(() => {
    const rows = x && over !== "number" ? ordered(all, x.at, false) : all;
    return improvements(trials, experiment.spec, objective, rows);
  }, [trials, version, experiment, objective, all, x, over]);
  const drawn = useCallback((place: Place, inner: Frame) => {
    if (x && y) drawBest(place, inner, best, x.at, y.at, extent(all, x.at)[1]);
  }, [best, x, y, all, version]);
  if (!x || !y) return null;
  return (
    <div class="with-choice">
      <div class="choices">
        <ObjectiveChoice {...props} />
        <Choice label="Over" value={over} set={setOver} dimensions={times} />
        <Logarithmic query={props.query} change={props.change} ends={ends} />
        <Legend followed={followed} best={best.length > 0 ? "best so far" : undefined} />
      </div>
      <Plot {...props} x={x} y={y} log={props.query.log} marksFailed over={drawn} />
    </div>
  );
}

function drawBest({ context, theme }: Place, inner: Frame, best: readonly number[], x: (row: number) => number, y: (row: number) => number, last: number) {
  if (best.length === 0) return;
  context.strokeStyle = theme.best;
  context.fillStyle = theme.best;
  context.lineWidth = 1.75;
  context.beginPath();
  let before = NaN;
  for (const row of best) {
    const [px, py] = [xOf(inner, x(row)), yOf(inner, y(row))];
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
    context.arc(xOf(inner, x(row)), yOf(inner, y(row)), 3, 0, 7);
    context.fill();
  }
}
