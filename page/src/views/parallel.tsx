// Parallel coordinates: one axis a hyperparameter, one line a trial, coloured by the objective. Drag
// along an axis to brush it. Where lines would cover each other, their densities are drawn.

import { useCallback, useMemo, useRef } from "preact/hooks";
import type { Dimension } from "../data/dimensions";
import { counts, signOf } from "../data/best";
import type { Brush, Brushes } from "../data/filter";
import { fitted, fittedInside, line } from "../draw/axes";
import { Canvas, type Draw, type Place } from "../draw/canvas";
import { drawLines, type Axis } from "../draw/lines";
import { ticks, type Scale } from "../draw/scale";
import { count, scalar } from "../format";
import { Empty } from "../parts/empty";
import { AxesChoice, useAxes } from "./axes";
import { ObjectiveChoice } from "./objective";
import { axisOf } from "./plot";
import { Top } from "./top";
import type { ViewProps } from "./view";

const TOP = 30;
const BOTTOM = 26;
/** Pixels beside the first and the last axis; beside the last one more, if its names are long. */
const SIDE = 56;
const WIDEST_SIDE = 140;
/** Pixels of a letter of a name, and of a bold one; from one axis to the next on a narrow screen, which scrolls. */
const [LETTER, BOLD] = [5.5, 7];
const [NARROW, WIDE] = [76, 170];
/** Where the lines of trials without a value pass, below an axis. */
const LACKING = 12;
const NEAR = 28;
const A_DRAG = 4;

interface Laid extends Axis {
  dimension: Dimension;
  scale: Scale;
  /** Whether some trials have no value. */
  lacks: boolean;
}

export function Parallel(props: ViewProps) {
  const { followed, dimensions, objective, rows, all, brushes, setBrushes, selected, select } = props;
  const { trials, version, experiment } = followed;
  const axes = useAxes(props);
  const shown = useMemo(() => {
    const objectives = experiment.spec.objectives.map(({ metric }) => `v:${metric}`);
    return [...dimensions.filter(({ id }) => objectives.includes(id)), ...axes.axes];
  }, [dimensions, experiment, axes.axes]);
  const scales = useMemo(() => shown.map((each) => axisOf(each, all)), [shown, all, version]);
  const lacks = useMemo(() => shown.map(({ at }) => all.some((row) => Number.isNaN(at(row)))), [shown, all, version]);
  const right = useMemo(() => sideOf(scales), [scales]);
  const laid = useCallback((width: number, height: number): Laid[] => shown.map((dimension, index) => {
    const scale = scales[index] as Scale;
    const x = SIDE + (index * (width - SIDE - right)) / Math.max(1, shown.length - 1);
    const y = (value: number) => (Number.isNaN(value) ? height - BOTTOM + LACKING : height - BOTTOM - scale.share(value) * (height - TOP - BOTTOM));
    return { dimension, scale, lacks: lacks[index] ?? false, x, at: dimension.at, y };
  }), [shown, scales, lacks, right]);
  const ranked = useMemo(() => byRank(all.filter(counts(trials, experiment.spec, objective.metric)), trials.values.get(objective.metric)?.data, signOf(objective)), [all, trials, version, experiment, objective]);
  const rank = useMemo(() => ranks(all.length, ranked), [all, ranked]);
  const pale = useMemo(() => rows.some((row) => Number.isNaN(rank[row])), [rows, rank]);
  const draw: Draw = useCallback((place) => {
    const axes = laid(place.width, place.height);
    drawLines(place, axes, rows, rank, picked(ranked, rows, all));
  }, [laid, rows, rank]);
  const drawOver: Draw = useCallback((place) => {
    const axes = laid(place.width, place.height);
    if (selected !== null) drawSelected(place, axes, selected);
    for (const axis of axes) drawAxis(place, axis, brushes, (place.width - SIDE - right) / Math.max(1, axes.length - 1));
  }, [laid, brushes, selected, right]);
  const from = useRef<{ axis: Laid; y: number; moved: boolean; before: Brush | null } | null>(null);
  const axisAt = (event: MouseEvent, x: number) => {
    const { clientWidth, clientHeight } = event.currentTarget as HTMLElement;
    return laid(clientWidth, clientHeight).find((axis) => Math.abs(axis.x - x) < NEAR);
  };
  const valueAt = (event: MouseEvent, axis: Laid, y: number) => {
    const { clientHeight } = event.currentTarget as HTMLElement;
    return axis.scale.value((clientHeight - BOTTOM - y) / (clientHeight - TOP - BOTTOM));
  };
  if (all.length === 0) return <Empty text="No trial has begun yet." />;
  return (
    <div class="with-choice">
    <div class="choices"><ObjectiveChoice {...props} /><Top {...props} /><AxesChoice {...axes} />{pale && <span class="faint end">Pale: trials that are not complete{experiment.spec.constraints.length > 0 && " or miss a constraint"}</span>}</div>
    <div class="plot wide-plot" style={{ "--least": `${leastOf(shown, right)}px` }} tabIndex={0} role="region" aria-label="Parallel coordinates">
      <Canvas draw={draw} label={`Parallel coordinates of ${count(rows.length, "trial")}`} />
      <Canvas draw={drawOver} label="Axes of the parallel coordinates" class="over"
        onPointerDown={(event, x, y) => {
          const axis = axisAt(event, x);
          if (!axis) return;
          (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
          from.current = { axis, y, moved: false, before: brushes.get(axis.dimension.id) ?? null };
        }}
        onPointerMove={(event, _, y) => {
          const start = from.current;
          if (!start || (!start.moved && Math.abs(y - start.y) < A_DRAG)) return;
          start.moved = true;
          const ends = [valueAt(event, start.axis, start.y), valueAt(event, start.axis, y)];
          setBrushes([[start.axis.dimension.id, { low: Math.min(...ends), high: Math.max(...ends) }]]);
        }}
        onPointerCancel={() => {
          const start = from.current;
          from.current = null;
          if (start?.moved) setBrushes([[start.axis.dimension.id, start.before]]);
        }}
        onPointerUp={(event, x, y) => {
          const start = from.current;
          from.current = null;
          if (start?.moved) return;
          if (start) setBrushes([[start.axis.dimension.id, null]]);
          else select(nearest(event, laid, rows, x, y));
        }}>
        {shown.map(({ id }, index) => <div key={id} class="along" style={{ left: leftOf(index, shown.length, right), width: `${2 * NEAR}px` }} />)}
      </Canvas>
    </div>
    </div>
  );
}

/** The pixels beside the last axis, at which its names are. */
function sideOf(scales: readonly Scale[]): number {
  const names = scales[scales.length - 1]?.names ?? [];
  const longest = Math.max(0, ...names.map((name) => scalar(name).length));
  return Math.min(WIDEST_SIDE, Math.max(SIDE, longest * LETTER + 12));
}

/** Where a finger that is near an axis begins, as CSS. */
function leftOf(index: number, many: number, right: number): string {
  return `calc(${SIDE - NEAR}px + (100% - ${SIDE + right}px) * ${index / Math.max(1, many - 1)})`;
}

/** The width in pixels at which most labels are whole. */
function leastOf(shown: readonly Dimension[], right: number): number {
  const longest = Math.max(0, ...shown.map(({ label }) => label.length));
  return SIDE + right + (shown.length - 1) * Math.min(WIDE, Math.max(NARROW, longest * BOLD + 12));
}

/** The rows with a finite value, from the best to the worst. */
export function byRank(all: Int32Array, data: Float64Array | undefined, sign: number): Int32Array {
  if (!data) return all.subarray(0, 0);
  return all.filter((row) => Number.isFinite(data[row])).sort((a, b) => sign * ((data[a] ?? 0) - (data[b] ?? 0)));
}

/** From 0 for the best row to 1 for the worst; NaN for a row without a value. */
export function ranks(count: number, ranked: Int32Array): Float32Array {
  const found = new Float32Array(count).fill(NaN);
  ranked.forEach((row, place) => (found[row] = ranked.length > 1 ? place / (ranked.length - 1) : 0));
  return found;
}

/** Those in sight, from the best to the worst. */
function picked(ranked: Int32Array, rows: Int32Array, all: Int32Array): Int32Array {
  if (rows.length === all.length) return ranked;
  const seen = new Uint8Array(all.length);
  for (const row of rows) seen[row] = 1;
  return ranked.filter((row) => seen[row]);
}

function drawAxis(place: Place, { dimension, scale, lacks, x, y }: Laid, brushes: Brushes, room: number) {
  const { context, theme, width, height } = place;
  context.strokeStyle = theme.faint;
  line(context, Math.round(x) + 0.5, TOP, Math.round(x) + 0.5, height - BOTTOM);
  const brush = brushes.get(dimension.id);
  if (brush) {
    const [top, bottom] = [Math.max(TOP, y(brush.high)), Math.min(height - BOTTOM, y(brush.low))];
    context.fillStyle = theme.accent;
    context.globalAlpha = 0.25;
    context.fillRect(x - 7, top, 14, bottom - top);
    context.globalAlpha = 1;
    context.strokeStyle = theme.accent;
    context.strokeRect(Math.round(x - 7) + 0.5, Math.round(top) + 0.5, 14, bottom - top);
  }
  context.textBaseline = "middle";
  context.textAlign = "left";
  for (const tick of ticks(scale, (height - TOP - BOTTOM) / 50)) {
    drawText(place, fitted(context, tick.text, Math.min(Math.max(20, room - 16), width - x - 8)), x, y(tick.value));
  }
  if (lacks) drawText(place, "none", x, height - BOTTOM + LACKING);
  context.fillStyle = theme.text;
  context.font = "600 11px system-ui, sans-serif";
  // At the sides a label has half the way to the next one, and all of its side.
  const beside = Math.min(x, width - x);
  const label = fittedInside(context, dimension.label, Math.max(30, Math.min(room, beside + room / 2) - 8));
  const wide = context.measureText(label).width;
  context.fillText(label, Math.max(4, Math.min(width - 4 - wide, x - wide / 2)), 13);
  context.font = "11px system-ui, sans-serif";
}

/** A text beside an axis, over the lines. */
function drawText({ context, theme }: Place, text: string, x: number, y: number) {
  context.fillStyle = theme.back;
  context.globalAlpha = 0.75;
  context.fillRect(x + 4, y - 7, context.measureText(text).width + 4, 14);
  context.globalAlpha = 1;
  context.fillStyle = theme.text;
  context.fillText(text, x + 6, y);
}

function drawSelected({ context, theme }: Place, axes: readonly Laid[], row: number) {
  context.strokeStyle = theme.text;
  context.lineWidth = 2;
  context.beginPath();
  for (const axis of axes) context.lineTo(axis.x, axis.y(axis.at(row)));
  context.stroke();
  context.lineWidth = 1;
}

function nearest(event: MouseEvent, laid: (width: number, height: number) => Laid[], rows: Int32Array, px: number, py: number): number | null {
  const { clientWidth, clientHeight } = event.currentTarget as HTMLElement;
  const axes = laid(clientWidth, clientHeight);
  const right = axes.findIndex((axis) => axis.x > px);
  const [a, b] = [axes[right - 1], axes[right]];
  if (!a || !b) return null;
  const share = (px - a.x) / (b.x - a.x);
  let [found, least]: [number | null, number] = [null, 8];
  for (const row of rows) {
    const [ya, yb] = [a.y(a.at(row)), b.y(b.at(row))];
    const distance = Math.abs(ya + (yb - ya) * share - py);
    if (distance < least) [found, least] = [row, distance];
  }
  return found;
}
