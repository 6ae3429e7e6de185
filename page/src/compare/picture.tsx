// The best so far of several experiments in one picture.

import { useCallback, useMemo, useState } from "preact/hooks";
import { duration, number } from "../format";
import { drawAxes, frame, valueX, xOf, yOf, type Frame } from "../draw/axes";
import { Canvas, type Draw, type Place } from "../draw/canvas";
import { scale } from "../draw/scale";
import type { Ends } from "../views/logarithmic";
import { valueAt, type Over, type Series } from "./series";

const NEAR = 24;

interface Near {
  series: Series;
  x: number;
  at: readonly [number, number];
}

export function Picture({ series, metric, over, ends, log }: { series: readonly Series[]; metric: string; over: Over; ends: Ends; log: boolean }) {
  const [near, setNear] = useState<Near | null>(null);
  const scales = useMemo(() => {
    const last = Math.max(...series.map((each) => each.last));
    return [{ ...scale(0, last, false), clock: over === "time", whole: over === "trials" }, scale(...ends, log)] as const;
  }, [series, over, ends, log]);
  const framed = useCallback((width: number, height: number) => frame(width, height, scales[0], scales[1]), [scales]);
  const draw: Draw = useCallback((place) => {
    const inner = framed(place.width, place.height);
    drawAxes(place, inner, over === "time" ? "time since the first trial" : "trial", `best ${metric}`);
    for (const each of series) drawLine(place, inner, each, near?.series.name === each.name);
  }, [series, framed, metric, over, near?.series.name]);
  const find = (event: MouseEvent, px: number, py: number) => {
    const { clientWidth, clientHeight } = event.currentTarget as HTMLElement;
    const inner = framed(clientWidth, clientHeight);
    const x = valueX(inner, px);
    let [found, least]: [Series | null, number] = [null, NEAR];
    for (const each of series) {
      const distance = x > each.last ? Infinity : Math.abs(yOf(inner, valueAt(each, x)) - py);
      if (distance < least) [found, least] = [each, distance];
    }
    setNear(found && { series: found, x, at: [px, py] });
  };
  return (
    <div class="plot">
      <Canvas draw={draw} label={`The best ${metric} of ${series.map((each) => each.name).join(", ")} over ${over}`} onPointerMove={find} onPointerLeave={() => setNear(null)} />
      {near && (
        <div class="tip" style={{ left: `${near.at[0]}px`, top: `${near.at[1]}px` }}>
          <b>{near.series.name}</b> {number(valueAt(near.series, near.x))}{" "}
          <span class="faint">{over === "time" ? `after ${duration(Math.max(0, near.x))}` : `after trial ${Math.floor(near.x)}`}</span>
        </div>
      )}
    </div>
  );
}

function drawLine({ context, theme }: Place, inner: Frame, { points, last, color }: Series, strong: boolean) {
  context.strokeStyle = context.fillStyle = theme.series[color] ?? theme.text;
  context.lineWidth = strong ? 3 : 2;
  context.beginPath();
  let before = NaN;
  for (const [x, value] of points) {
    const [px, py] = [xOf(inner, x), yOf(inner, value)];
    if (!Number.isNaN(before)) context.lineTo(px, before);
    context.lineTo(px, py);
    before = py;
  }
  context.lineTo(xOf(inner, last), before);
  context.stroke();
  context.lineWidth = 1;
  context.beginPath();
  context.arc(xOf(inner, last), before, 3.5, 0, 7);
  context.fill();
}
