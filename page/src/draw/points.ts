// Many points: each by itself while they are few, else as densities, so that none hides the others.

import type { Place } from "./canvas";
import { xOf, yOf, type Frame } from "./axes";
import type { Color } from "./theme";

const FEW = 4_000;
/** Up to so many points are large. */
const SEPARATE = 300;

export interface Group {
  rows: Int32Array;
  color: Color;
  /** Rings, while points are drawn one by one. */
  hollow?: boolean;
}

/** Points of each group; `x` and `y` give the values of a row. */
export function drawPoints(place: Place, frame: Frame, groups: readonly Group[], x: (row: number) => number, y: (row: number) => number): void {
  const many = groups.reduce((sum, { rows }) => sum + rows.length, 0);
  const radius = many <= SEPARATE ? 3.5 : 2.5;
  for (const group of groups) {
    if (many <= FEW) drawEach(place, frame, group, radius, x, y);
    else drawDensity(place, frame, group, x, y);
  }
}

function drawEach({ context }: Place, frame: Frame, { rows, color, hollow }: Group, radius: number, x: (row: number) => number, y: (row: number) => number) {
  context.fillStyle = context.strokeStyle = `rgb(${color.join(" ")} / ${hollow ? 1 : 0.75})`;
  context.lineWidth = 1.5;
  for (const row of rows) {
    const [px, py] = [xOf(frame, x(row)), yOf(frame, y(row))];
    if (!inside(frame, px, py)) continue;
    context.beginPath();
    context.arc(px, py, hollow ? radius - 0.5 : radius, 0, 7);
    if (hollow) context.stroke();
    else context.fill();
  }
  context.lineWidth = 1;
}

export function inside(frame: Frame, x: number, y: number): boolean {
  return x >= frame.left && x <= frame.right && y >= frame.top && y <= frame.bottom;
}

/** How often each cell of two pixels is hit, as opacity. */
function drawDensity(place: Place, frame: Frame, { rows, color }: Group, x: (row: number) => number, y: (row: number) => number) {
  const [wide, high] = [Math.ceil((frame.right - frame.left) / 2), Math.ceil((frame.bottom - frame.top) / 2)];
  const hits = new Uint32Array(wide * high);
  let most = 1;
  for (const row of rows) {
    const column = Math.floor(frame.x.share(x(row)) * wide);
    const line = high - 1 - Math.floor(frame.y.share(y(row)) * high);
    if (!(column >= 0 && column < wide && line >= 0 && line < high)) continue;
    const hit = (hits[line * wide + column] = (hits[line * wide + column] ?? 0) + 1);
    if (hit > most) most = hit;
  }
  const image = new ImageData(wide, high);
  const scale = 190 / Math.log1p(most);
  for (let cell = 0; cell < hits.length; cell += 1) {
    const hit = hits[cell] ?? 0;
    if (hit === 0) continue;
    image.data.set([color[0], color[1], color[2], 65 + Math.log1p(hit) * scale], cell * 4);
  }
  paint(place, image, frame.left, frame.top, wide * 2, high * 2);
}

let buffer: HTMLCanvasElement | null = null;

function paint({ context }: Place, image: ImageData, left: number, top: number, width: number, height: number) {
  buffer ??= document.createElement("canvas");
  buffer.width = image.width;
  buffer.height = image.height;
  buffer.getContext("2d")?.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(buffer, left, top, width, height);
}
