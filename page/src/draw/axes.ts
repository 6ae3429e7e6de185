// The frame of a plot: two axes with their labels, and where values are in it.

import type { Place } from "./canvas";
import { ticks, type Scale, type Tick } from "./scale";

export interface Frame {
  left: number;
  top: number;
  right: number;
  bottom: number;
  x: Scale;
  y: Scale;
}

/** Pixels of the axis's name beside its numbers, of a gap, and of a character: a minus and an e are wider than a digit. */
const NAME = 20;
const GAP = 6;
const DIGIT = 7;
const [NARROWEST, WIDEST] = [46, 104];
const TOP = 12;
const RIGHT = 16;
const BOTTOM = 38;

export function frame(width: number, height: number, x: Scale, y: Scale): Frame {
  const bottom = Math.max(TOP + 10, height - BOTTOM);
  const longest = Math.max(0, ...ticksUp(y, bottom).map(({ text }) => text.length));
  const left = Math.round(Math.min(WIDEST, width / 3, Math.max(NARROWEST, NAME + longest * DIGIT + GAP)));
  return { left, top: TOP, right: Math.max(left + 10, width - RIGHT), bottom, x, y };
}

function ticksUp(y: Scale, bottom: number): Tick[] {
  return ticks(y, (bottom - TOP) / 32);
}

export function xOf(frame: Frame, value: number): number {
  return frame.left + frame.x.share(value) * (frame.right - frame.left);
}

export function yOf(frame: Frame, value: number): number {
  return frame.bottom - frame.y.share(value) * (frame.bottom - frame.top);
}

export function valueX(frame: Frame, pixel: number): number {
  return frame.x.value((pixel - frame.left) / (frame.right - frame.left));
}

export function valueY(frame: Frame, pixel: number): number {
  return frame.y.value((frame.bottom - pixel) / (frame.bottom - frame.top));
}

export function drawAxes(place: Place, frame: Frame, xLabel: string, yLabel: string): void {
  const { context, theme } = place;
  context.strokeStyle = theme.line;
  context.fillStyle = theme.faint;
  context.lineWidth = 1;
  drawX(context, frame, xLabel);
  drawY(context, frame, yLabel);
}

function drawX(context: CanvasRenderingContext2D, frame: Frame, label: string) {
  context.textAlign = "center";
  context.textBaseline = "top";
  const room = (frame.right - frame.left) / Math.max(1, frame.x.names?.length ?? 1);
  for (const { value, text } of ticks(frame.x, (frame.right - frame.left) / (frame.x.log ? 48 : 65))) {
    const x = Math.round(xOf(frame, value)) + 0.5;
    line(context, x, frame.top, x, frame.bottom);
    context.fillText(frame.x.names ? fitted(context, text, room - 6) : text, x, frame.bottom + 6);
  }
  context.fillText(fitted(context, label, frame.right - frame.left), (frame.left + frame.right) / 2, frame.bottom + 22);
}

function drawY(context: CanvasRenderingContext2D, frame: Frame, label: string) {
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { value, text } of ticksUp(frame.y, frame.bottom)) {
    const y = Math.round(yOf(frame, value)) + 0.5;
    line(context, frame.left, y, frame.right, y);
    context.fillText(fitted(context, text, frame.left - NAME - GAP + 4), frame.left - GAP, y);
  }
  context.save();
  context.translate(11, (frame.top + frame.bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(fitted(context, label, frame.bottom - frame.top), 0, 0);
  context.restore();
}

export function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

/** The text, shortened to a width in pixels. */
export function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > width) end -= Math.ceil(end / 8);
  return `${text.slice(0, end)}…`;
}

/** The text, shortened in its middle: names that begin alike differ at their ends. */
export function fittedInside(context: Pick<CanvasRenderingContext2D, "measureText">, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  for (let kept = text.length - 1; kept > 2; kept -= 1) {
    const shorter = `${text.slice(0, Math.floor(kept / 2))}…${text.slice(-Math.ceil(kept / 2))}`;
    if (context.measureText(shorter).width <= width) return shorter;
  }
  return `${text.slice(0, 1)}…${text.slice(-1)}`;
}
