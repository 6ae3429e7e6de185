// Many lines between parallel axes: each by itself while they are few, else as densities.

import type { Place } from "./canvas";
import { css, ramp } from "./theme";

export interface Axis {
  x: number;
  at: (row: number) => number;
  y: (value: number) => number;
}

const FEW = 2_500;
const BINS = 56;
const SHADES = 6;
const TOP = 60;

/**
 * `rank` is from 0 for the best row to 1; rows without a rank are drawn faintly. `best` has the rows in
 * sight that have one, from the best to the worst.
 */
export function drawLines(place: Place, axes: readonly Axis[], rows: Int32Array, rank: Float32Array, best: Int32Array): void {
  if (rows.length > FEW) drawDensities(place, axes, rows, rank);
  const ordered = rows.length > FEW ? best.slice(0, TOP).reverse() : rows.slice().sort((a, b) => order(rank, b) - order(rank, a));
  const alpha = rows.length > FEW ? 0.7 : Math.max(0.25, Math.min(0.85, 60 / Math.sqrt(rows.length * 20)));
  for (const row of ordered) drawLine(place, axes, row, rank[row] ?? NaN, alpha);
}

function order(rank: Float32Array, row: number): number {
  const value = rank[row] ?? NaN;
  return Number.isNaN(value) ? 2 : value;
}

function drawLine({ context, theme }: Place, axes: readonly Axis[], row: number, rank: number, alpha: number) {
  context.strokeStyle = Number.isNaN(rank) ? theme.line : css(ramp(theme, rank), alpha);
  context.beginPath();
  for (const axis of axes) context.lineTo(axis.x, axis.y(axis.at(row)));
  context.stroke();
}

function drawDensities(place: Place, axes: readonly Axis[], rows: Int32Array, rank: Float32Array) {
  const heights = axes.map((axis) => binsOf(place, axis, rows));
  for (let index = 1; index < axes.length; index += 1) {
    const [from, to] = [axes[index - 1], axes[index]];
    const [left, right] = [heights[index - 1], heights[index]];
    if (from && to && left && right) drawGap(place, [from.x, to.x], left, right, rows, rank);
  }
}

/** In which of `BINS` equal parts of the height each row is on the axis. */
function binsOf({ height }: Place, axis: Axis, rows: Int32Array): Uint8Array {
  const bins = new Uint8Array(rows.length);
  for (let index = 0; index < rows.length; index += 1) {
    bins[index] = Math.min(BINS - 1, Math.max(0, Math.floor((axis.y(axis.at(rows[index] ?? 0)) / height) * BINS)));
  }
  return bins;
}

/** One line for each pair of bins: as strong as its rows are many, coloured by their mean rank. */
function drawGap({ context, height, theme }: Place, [x1, x2]: [number, number], left: Uint8Array, right: Uint8Array, rows: Int32Array, rank: Float32Array) {
  const hits = new Uint32Array(BINS * BINS);
  const sums = new Float32Array(BINS * BINS);
  let most = 1;
  for (let index = 0; index < rows.length; index += 1) {
    const cell = (left[index] ?? 0) * BINS + (right[index] ?? 0);
    const hit = (hits[cell] = (hits[cell] ?? 0) + 1);
    const value = rank[rows[index] ?? 0] ?? NaN;
    sums[cell] = (sums[cell] ?? 0) + (Number.isNaN(value) ? 1 : value);
    if (hit > most) most = hit;
  }
  const paths = new Map<string, Path2D>();
  const size = height / BINS;
  for (let cell = 0; cell < hits.length; cell += 1) {
    const hit = hits[cell] ?? 0;
    if (hit === 0) continue;
    const strength = Math.ceil((Math.log1p(hit) / Math.log1p(most)) * SHADES);
    const color = css(ramp(theme, Math.round(((sums[cell] ?? 0) / hit) * 10) / 10), (strength / SHADES) ** 1.5 * 0.5);
    let path = paths.get(color);
    if (!path) paths.set(color, (path = new Path2D()));
    path.moveTo(x1, (Math.floor(cell / BINS) + 0.5) * size);
    path.lineTo(x2, ((cell % BINS) + 0.5) * size);
  }
  context.lineWidth = Math.max(1, size * 0.6);
  for (const [color, path] of paths) {
    context.strokeStyle = color;
    context.stroke(path);
  }
  context.lineWidth = 1;
}
