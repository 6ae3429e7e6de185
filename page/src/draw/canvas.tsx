// A canvas that is as large as its place, sharp on every screen, and drawn again when it must be.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useSize } from "../hooks";
import { useTheme, type Theme } from "./theme";

export interface Place {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
  theme: Theme;
}

export type Draw = (place: Place) => void;

interface Handlers {
  onPointerDown?: (event: PointerEvent, x: number, y: number) => void;
  onPointerMove?: (event: PointerEvent, x: number, y: number) => void;
  onPointerUp?: (event: PointerEvent, x: number, y: number) => void;
  /** The browser has taken the touch, to scroll: what began is to be forgotten. */
  onPointerCancel?: () => void;
  onPointerLeave?: () => void;
  onDoubleClick?: (event: MouseEvent, x: number, y: number) => void;
}

/** `label` says in words what the picture shows, for those who cannot see it. `children` are over the picture. */
export function Canvas({ draw, label, class: kind = "", children, ...on }: { draw: Draw; label: string; class?: string; children?: ComponentChildren } & Handlers) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, height] = useSize(box);
  const theme = useTheme();
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context || width === 0 || height === 0) return;
    const ratio = devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (element.width !== wide) element.width = wide;
    if (element.height !== high) element.height = high;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = "11px system-ui, sans-serif";
    draw({ context, width, height, theme });
  }, [draw, width, height, theme]);
  const at = <E extends MouseEvent>(handler: ((event: E, x: number, y: number) => void) | undefined) =>
    handler && ((event: E) => {
      const { left, top } = (event.currentTarget as HTMLElement).getBoundingClientRect();
      handler(event, event.clientX - left, event.clientY - top);
    });
  return (
    <div class={`canvas ${kind}`} ref={box} onPointerDown={at(on.onPointerDown)} onPointerMove={at(on.onPointerMove)} onPointerUp={at(on.onPointerUp)}
      onPointerCancel={on.onPointerCancel} onPointerLeave={on.onPointerLeave} onDblClick={at(on.onDoubleClick)}>
      <canvas ref={canvas} role="img" aria-label={label} />
      {children}
    </div>
  );
}
