// Trials as points over two dimensions: drag to brush, click to select, hover to read.

import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import { extent } from "../data/importance";
import { shown, type Dimension } from "../data/dimensions";
import type { Brush } from "../data/filter";
import { kindsOf, MISSES } from "../data/best";
import { COMPLETE, FAIL, PRUNED, STATES, type Trials } from "../data/trials";
import { drawAxes, frame, line, valueX, valueY, xOf, yOf, type Frame } from "../draw/axes";
import { Canvas, type Draw, type Place } from "../draw/canvas";
import { drawPoints, type Group } from "../draw/points";
import { scale, type Scale } from "../draw/scale";
import { fillOf, isHollow, parsed, type Theme } from "../draw/theme";
import { count, thousands } from "../format";
import { Empty } from "../parts/empty";
import { isLog } from "./logarithmic";
import type { ViewProps } from "./view";

const NEAR = 12;
const A_DRAG = 4;

export interface PlotProps extends ViewProps {
  x: Dimension;
  y: Dimension;
  class?: string;
  /** 1 if the axis up is logarithmic, 0 if not; else by itself, if its values are above 0 and differ a lot. */
  log?: string | undefined;
  /** Whether trials that failed without a value are marked on the axis. */
  marksFailed?: boolean;
  /** Drawn over the points, with the frame. */
  over?: ((place: Place, frame: Frame) => void) | undefined;
}

export function axisOf(dimension: Dimension, rows: Int32Array, given?: string): Scale {
  const ends = extent(rows, dimension.at);
  const log = dimension.log || (dimension.id.startsWith("v:") && isLog(given, ends));
  return { ...scale(...ends, log, dimension.names), whole: dimension.whole ?? false, clock: dimension.clock ?? false };
}

export function Plot(props: PlotProps) {
  const { followed, x, y, rows, all, over, selected } = props;
  const { trials, version, experiment } = followed;
  const { log, marksFailed } = props;
  const { constraints } = experiment.spec;
  const kinds = useMemo(() => kindsOf(trials, constraints), [trials, version, constraints]);
  const scales = useMemo(() => [axisOf(x, all), axisOf(y, all, log)] as const, [x, y, all, version, log]);
  const lacking = useMemo(() => lack(trials, all, x, y), [trials, version, all, x, y]);
  const framed = useCallback((width: number, height: number) => frame(width, height, scales[0], scales[1]), [scales]);
  const draw: Draw = useCallback((place) => {
    if (lacking !== null) return;
    const inner = framed(place.width, place.height);
    drawAxes(place, inner, x.label, y.label);
    const aside: Group[] = rows.length < all.length ? [{ rows: all, color: parsed(place.theme["strong-line"]) }] : [];
    drawPoints(place, inner, [...aside, ...groups(kinds, rows, place.theme)], jittered(x), jittered(y));
    if (marksFailed) drawFailed(place, inner, rows, trials, x, y);
    over?.(place, inner);
  }, [framed, x, y, rows, all, trials, version, kinds, over, marksFailed, lacking]);
  const pointer = usePointer(props, framed);
  const drawOver: Draw = useCallback((place) => {
    const inner = framed(place.width, place.height);
    drawBrush(place, inner, pointer.drag ?? boxOf(props, inner));
    for (const row of [selected, pointer.near]) if (row !== null) ring(place, inner, jittered(x)(row), jittered(y)(row));
  }, [framed, pointer.drag, pointer.near, selected, props.brushes, x, y]);
  const label = `${count(rows.length, "trial")}, ${y.label} over ${x.label}`;
  return (
    <div class={`plot ${props.class ?? ""}`}>
      <Canvas draw={draw} label={label} />
      <Canvas draw={drawOver} label={`Brush of ${label}`} class="over" {...pointer.on} />
      {lacking !== null && <Empty text={lacking} />}
      {pointer.near !== null && <Tip trials={trials} row={pointer.near} x={x} y={y} at={pointer.at} />}
    </div>
  );
}

/** Why there is nothing to draw; null if there is. */
export function lack(trials: Trials, rows: Int32Array, x: Dimension, y: Dimension): string | null {
  if (rows.some((row) => Number.isFinite(x.at(row)) && Number.isFinite(y.at(row)))) return null;
  if (rows.length === 0) return "No trial has begun yet.";
  const lacked = [y, x].find(({ at }) => !rows.some((row) => Number.isFinite(at(row))));
  const failed = rows.filter((row) => trials.state[row] === FAIL).length;
  const ends = failed > 0 ? ` ${thousands(failed)} of ${count(rows.length, "trial")} failed.` : "";
  return `No trial has ${lacked ? `a value of ${lacked.label}` : `both ${x.label} and ${y.label}`} yet.${ends}`;
}

/** Names are spread a little, the same way each time, or their points would cover each other. */
function jittered({ at, names }: Dimension): (row: number) => number {
  return names ? (row) => at(row) + ((((row * 2654435761) >>> 0) % 1000) / 1000 - 0.5) * 0.5 : at;
}

function groups(kinds: Uint8Array, rows: Int32Array, theme: Theme): Group[] {
  return [MISSES, ...STATES.keys()].filter((kind) => kind !== COMPLETE && kind !== PRUNED).concat(PRUNED, COMPLETE)
    .map((kind) => ({ rows: rows.filter((row) => kinds[row] === kind), color: parsed(fillOf(theme, kind)), hollow: isHollow(kind) }))
    .filter((group) => group.rows.length > 0);
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

function usePointer(props: PlotProps, framed: (width: number, height: number) => Frame) {
  const { x, y, rows, setBrushes, select } = props;
  const [drag, setDrag] = useState<Box | null>(null);
  const [near, setNear] = useState<number | null>(null);
  const [at, setAt] = useState<[number, number]>([0, 0]);
  const from = useRef<[number, number] | null>(null);
  const before = useRef<[string, Brush | null][]>([]);
  const frameOf = (event: MouseEvent) => {
    const { clientWidth, clientHeight } = event.currentTarget as HTMLElement;
    return framed(clientWidth, clientHeight);
  };
  const on = {
    onPointerDown: (event: PointerEvent, px: number, py: number) => {
      if (event.button !== 0) return;
      (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
      from.current = [px, py];
      before.current = [x, y].map(({ id }) => [id, props.brushes.get(id) ?? null]);
    },
    onPointerMove: (event: PointerEvent, px: number, py: number) => {
      const inner = frameOf(event);
      if (from.current === null) {
        setNear(nearest(rows, inner, jittered(x), jittered(y), px, py));
        setAt([px, py]);
        return;
      }
      const box = boxed(from.current, [px, py]);
      if (box.right - box.left < A_DRAG && box.bottom - box.top < A_DRAG) return;
      setDrag(box);
      setBrushes(brushesOf(x, y, inner, box));
    },
    onPointerUp: (event: PointerEvent, px: number, py: number) => {
      if (from.current !== null && drag === null) {
        const row = nearest(rows, frameOf(event), jittered(x), jittered(y), px, py);
        if (row !== null) select(row);
        else setBrushes([[x.id, null], [y.id, null]]);
      }
      from.current = null;
      setDrag(null);
    },
    onPointerCancel: () => {
      if (drag !== null) setBrushes(before.current);
      from.current = null;
      setDrag(null);
      setNear(null);
    },
    onPointerLeave: () => setNear(null),
  };
  return { drag, near: drag ? null : near, at, on };
}

function boxed([x1, y1]: [number, number], [x2, y2]: [number, number]): Box {
  return { left: Math.min(x1, x2), right: Math.max(x1, x2), top: Math.min(y1, y2), bottom: Math.max(y1, y2) };
}

/** What a dragged box means: a range on each axis along which it was dragged. */
function brushesOf(x: Dimension, y: Dimension, inner: Frame, box: Box): [string, Brush | null][] {
  const found: [string, Brush | null][] = [];
  if (box.right - box.left >= A_DRAG) found.push([x.id, { low: valueX(inner, box.left), high: valueX(inner, box.right) }]);
  if (box.bottom - box.top >= A_DRAG) found.push([y.id, { low: valueY(inner, box.bottom), high: valueY(inner, box.top) }]);
  return found;
}

function boxOf({ brushes, x, y }: PlotProps, inner: Frame): Box | null {
  const [across, up] = [brushes.get(x.id), brushes.get(y.id)];
  if (!across && !up) return null;
  return {
    left: across ? Math.max(inner.left, xOf(inner, across.low)) : inner.left,
    right: across ? Math.min(inner.right, xOf(inner, across.high)) : inner.right,
    top: up ? Math.max(inner.top, yOf(inner, up.high)) : inner.top,
    bottom: up ? Math.min(inner.bottom, yOf(inner, up.low)) : inner.bottom,
  };
}

/** A mark on the axis across for each trial that failed and has no value. */
function drawFailed({ context, theme }: Place, inner: Frame, rows: Int32Array, trials: Trials, x: Dimension, y: Dimension) {
  context.strokeStyle = theme["fill-failed"];
  context.lineWidth = 2;
  for (const row of rows) {
    if (trials.state[row] !== FAIL || !Number.isNaN(y.at(row)) || Number.isNaN(x.at(row))) continue;
    const px = xOf(inner, x.at(row));
    line(context, px, inner.bottom - 7, px, inner.bottom);
  }
  context.lineWidth = 1;
}

export function drawBrush({ context, theme }: Place, inner: Frame, box: Box | null): void {
  if (!box) return;
  const [left, top] = [Math.max(inner.left, box.left), Math.max(inner.top, box.top)];
  const [width, height] = [Math.min(inner.right, box.right) - left, Math.min(inner.bottom, box.bottom) - top];
  context.globalAlpha = 0.1;
  context.fillStyle = theme.accent;
  context.fillRect(left, top, width, height);
  context.globalAlpha = 1;
  context.strokeStyle = theme.accent;
  context.strokeRect(left + 0.5, top + 0.5, width, height);
}

function ring({ context, theme }: Place, inner: Frame, x: number, y: number) {
  context.strokeStyle = theme.text;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(xOf(inner, x), yOf(inner, y), 5.5, 0, 7);
  context.stroke();
  context.lineWidth = 1;
}

/** The row whose point is nearest, if it is near. */
function nearest(rows: Int32Array, inner: Frame, x: (row: number) => number, y: (row: number) => number, px: number, py: number): number | null {
  let [found, least]: [number | null, number] = [null, NEAR * NEAR];
  for (const row of rows) {
    const [dx, dy] = [xOf(inner, x(row)) - px, yOf(inner, y(row)) - py];
    const distance = dx * dx + dy * dy;
    if (distance < least) [found, least] = [row, distance];
  }
  return found;
}

function Tip({ trials, row, x, y, at: [left, top] }: { trials: Trials; row: number; x: Dimension; y: Dimension; at: [number, number] }) {
  const lines = x.id === "number" ? [y] : [x, y];
  return (
    <div class="tip" style={{ left: `${left}px`, top: `${top}px` }}>
      <b>Trial {row}</b> <span class="faint">{STATES[trials.state[row] ?? 0]?.toLowerCase()}</span>
      {lines.map((each) => <div key={each.id}>{each.label} <b>{shown(each, each.at(row))}</b></div>)}
    </div>
  );
}
