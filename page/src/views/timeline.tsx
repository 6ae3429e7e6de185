// When the trials ran: one bar each, in as many lanes as ran at a time.

import { useCallback, useMemo, useState } from "preact/hooks";
import { now } from "../clock";
import { kindsOf } from "../data/best";
import { STATES, type Trials } from "../data/trials";
import { count, duration } from "../format";
import { line } from "../draw/axes";
import { Canvas, type Draw } from "../draw/canvas";
import { scale, ticks } from "../draw/scale";
import { fillOf, isHollow } from "../draw/theme";
import { Empty } from "../parts/empty";
import { Legend } from "./legend";
import type { ViewProps } from "./view";

/** The most pixels of a lane. */
const THICK = 80;
/** The pixels of the rim of a hollow bar. */
const A_RIM = 1.5;
/** The pixels of a label of the axis. */
const LABEL = 90;

interface Bar {
  row: number;
  lane: number;
  /** When the present attempt began, and earlier by the time that earlier attempts ran. */
  from: number;
  begun: number;
  to: number;
}

/** Bars in the first lane that is free; a trial that runs reaches to `now`. */
export function lanes(trials: Trials, rows: Int32Array, now: number): { bars: Bar[]; count: number } {
  const started = [...rows].filter((row) => !Number.isNaN(trials.started[row]));
  const first = (row: number) => (trials.started[row] ?? 0) - (trials.earlier.get(row) ?? 0);
  started.sort((a, b) => first(a) - first(b));
  const ends: number[] = [];
  const bars = started.map((row) => {
    const [from, end] = [trials.started[row] ?? 0, trials.finished[row] ?? NaN];
    const begun = first(row);
    const to = Number.isNaN(end) ? now : end;
    let lane = ends.findIndex((each) => each <= begun);
    if (lane < 0) lane = ends.length;
    ends[lane] = to;
    return { row, lane, from, begun, to };
  });
  return { bars, count: ends.length };
}

export function Timeline({ followed, rows, selected, select }: ViewProps) {
  const { trials, version, experiment } = followed;
  const { constraints } = experiment.spec;
  const kinds = useMemo(() => kindsOf(trials, constraints), [trials, version, constraints]);
  const found = useMemo(() => lanes(trials, rows, now() / 1000), [trials, version, rows]);
  const [near, setNear] = useState<Bar | null>(null);
  const [from, to] = useMemo(() => span(found.bars), [found]);
  const draw: Draw = useCallback(({ context, width, height, theme }) => {
    const inner = { left: 12, width: width - 24, top: 8, height: height - 34 };
    const lane = Math.min(THICK, inner.height / Math.max(1, found.count));
    const at = (time: number) => inner.left + ((time - from) / (to - from)) * inner.width;
    for (const bar of found.bars) {
      const left = at(bar.from);
      const wide = Math.max(1, ((bar.to - bar.from) / (to - from)) * inner.width - 0.5);
      const kind = kinds[bar.row] ?? 0;
      context.fillStyle = context.strokeStyle = fillOf(theme, kind);
      const high = Math.max(1, lane - (lane > 4 ? 2 : 0));
      const hollow = isHollow(kind) && Math.min(wide, high) > A_RIM * 3;
      context.globalAlpha = hollow ? 0.25 : 1;
      context.fillRect(left, inner.top + bar.lane * lane, wide, high);
      context.globalAlpha = 1;
      context.lineWidth = A_RIM;
      if (hollow) context.strokeRect(left + A_RIM / 2, inner.top + bar.lane * lane + A_RIM / 2, wide - A_RIM, high - A_RIM);
      context.lineWidth = 1;
      if ((trials.attempt[bar.row] ?? 1) > 1) {
        context.fillStyle = theme["fill-failed"];
        context.globalAlpha = 0.35;
        context.fillRect(at(bar.begun), inner.top + bar.lane * lane, left - at(bar.begun), high);
        context.globalAlpha = 1;
        context.fillRect(left, inner.top + bar.lane * lane, Math.min(3, wide), high);
      }
      if (bar.row === selected) {
        context.strokeStyle = theme.text;
        context.strokeRect(left, inner.top + bar.lane * lane, wide, high);
      }
    }
    const middle = ({ lane: place }: Bar) => inner.top + (place + 0.5) * lane;
    const bars = new Map(found.bars.map((bar) => [bar.row, bar]));
    context.strokeStyle = theme.text;
    context.setLineDash([3, 3]);
    for (const [row, of] of trials.retries) {
      const [retry, failed] = [bars.get(row), bars.get(of)];
      if (retry && failed) line(context, at(failed.to), middle(failed), at(retry.begun), middle(retry));
    }
    context.setLineDash([]);
    context.fillStyle = theme.faint;
    context.textBaseline = "bottom";
    for (const { value, text } of ticks({ ...scale(0, to - from, false, null, 0), clock: true }, inner.width / LABEL)) {
      const x = inner.left + (value / (to - from)) * inner.width;
      context.textAlign = value === 0 ? "left" : x > inner.left + inner.width - 20 ? "right" : "center";
      context.fillText(text, x, height - 6);
    }
  }, [found, from, to, trials, kinds, selected]);
  const at = (event: MouseEvent, x: number, y: number): Bar | null => {
    const { clientWidth, clientHeight } = event.currentTarget as HTMLElement;
    const time = from + ((x - 12) / (clientWidth - 24)) * (to - from);
    const slack = (3 / clientWidth) * (to - from);
    const lane = Math.floor((y - 8) / Math.min(THICK, (clientHeight - 34) / Math.max(1, found.count)));
    return found.bars.find((bar) => bar.lane === lane && bar.begun - slack <= time && time <= bar.to + slack) ?? null;
  };
  const earlier = found.bars.some(({ row }) => (trials.attempt[row] ?? 1) > 1);
  if (found.bars.length === 0) return <Empty text="No trial in sight has begun here." />;
  return (
    <div class="with-choice">
    <div class="choices"><Legend followed={followed} />{earlier && <span class="faint">Pale red: how long earlier attempts ran</span>}{trials.retries.size > 0 && <span class="faint">Dashed: from a trial to its retry</span>}</div>
    <div class="plot">
      <Canvas draw={draw} label={`${count(found.bars.length, "trial")}, at most ${found.count} at a time`} onPointerMove={(event, x, y) => setNear(at(event, x, y))}
        onPointerLeave={() => setNear(null)} onPointerUp={(event, x, y) => select(at(event, x, y)?.row ?? null)} />
      {near && <div class="tip still"><b>Trial {near.row}</b> {STATES[trials.state[near.row] ?? 0]?.toLowerCase()} {duration(near.to - near.from)}
        {(trials.attempt[near.row] ?? 1) > 1 && `, attempt ${trials.attempt[near.row]} after ${duration(near.from - near.begun)}`}
        {trials.retries.has(near.row) && `, retry of trial ${trials.retries.get(near.row)}`}</div>}
    </div>
    </div>
  );
}

function span(bars: readonly Bar[]): [number, number] {
  let [from, to] = [Infinity, -Infinity];
  for (const bar of bars) {
    from = Math.min(from, bar.begun);
    to = Math.max(to, bar.to);
  }
  return to > from ? [from, to] : [from, from + 1];
}
