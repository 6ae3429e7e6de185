// The reports of chosen trials as curves: the best and the newest in sight, and those that run.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, pathOf } from "../api";
import { kindsOf, signOf, top } from "../data/best";
import { extent } from "../data/importance";
import type { Trials } from "../data/trials";
import { measured, type Objective } from "../documents";
import { drawAxes, frame, xOf, yOf } from "../draw/axes";
import { Canvas, type Draw, type Place } from "../draw/canvas";
import { fillOf, isHollow } from "../draw/theme";
import { scale } from "../draw/scale";
import { count } from "../format";
import { usePolling } from "../hooks";
import { Empty } from "../parts/empty";
import { Legend } from "./legend";
import { isLog } from "./logarithmic";
import { ObjectiveChoice } from "./objective";
import type { ViewProps } from "./view";

const BEST = 40;
const NEWEST = 20;
/** Of each metric of a curve: more would not be seen. */
const POINTS = 300;
const SECONDS = 5;
const SECONDS_AT_REST = 60;

interface Curve {
  number: number;
  state: string;
  steps: number[];
  values: Record<string, (number | string | null)[]>;
}

/** The rows to show: the best ones, the newest ones and the selected one. */
export function chosen(trials: Trials, rows: Int32Array, objective: Objective, selected: number | null): number[] {
  const data = trials.values.get(objective.metric)?.data;
  const sign = signOf(objective);
  const known = data ? rows.filter((row) => !Number.isNaN(data[row])).sort((a, b) => sign * ((data[a] ?? 0) - (data[b] ?? 0))) : rows.subarray(0, 0);
  return [...new Set([...known.subarray(0, BEST), ...rows.subarray(-NEWEST), ...(selected === null ? [] : [selected])])].sort((a, b) => a - b);
}

export function Curves(props: ViewProps) {
  const { followed, objective, rows, selected, select, query, change } = props;
  const { trials, version, experiment } = followed;
  const numbers = useMemo(() => chosen(trials, rows, objective, selected), [trials, version, rows, objective, selected]);
  const { curves, fault } = useCurves(experiment.namespace, experiment.name, experiment.uid, numbers, trials);
  const metrics = useMemo(() => [...new Set((curves ?? []).flatMap((curve) => Object.keys(curve.values)))], [curves]);
  const metric = query.curve ?? "";
  const shown = metrics.includes(metric) ? metric : metrics.includes(objective.metric) ? objective.metric : (metrics[0] ?? "");
  const lines = useMemo(() => (curves ?? []).flatMap((curve) => {
    const points = curve.steps.map((step, index): [number, number] => [step, measured(curve.values[shown]?.[index])]).filter(([, value]) => Number.isFinite(value));
    return points.length ? [{ row: curve.number, points }] : [];
  }), [curves, shown]);
  const { constraints } = experiment.spec;
  const kinds = useMemo(() => kindsOf(trials, constraints), [trials, version, constraints]);
  const best = useMemo(() => top(trials, experiment.spec, objective, rows, 1)[0], [trials, version, experiment, objective, rows]);
  const others = useMemo(() => lines.map(({ row }) => row).filter((row) => row !== best), [lines, best]);
  const framed = useMemo(() => {
    const all = lines.flatMap(({ points }) => points);
    const [steps, [low, high]] = [extent(all.map(([x]) => x)), extent(all.map(([, y]) => y))];
    const [x, y] = [{ ...scale(...steps, false), whole: true }, scale(low, high, isLog(undefined, [low, high]))];
    return (width: number, height: number) => frame(width, height, x, y);
  }, [lines]);
  const draw: Draw = useCallback((place) => {
    if (lines.length === 0) return;
    const inner = framed(place.width, place.height);
    drawAxes(place, inner, "step", shown);
    // The strong ones last, so that none covers them.
    const strength = (row: number) => (row === selected ? 3 : row === best ? 2 : isHollow(kinds[row] ?? 0) ? 0 : 1);
    for (const { row, points } of [...lines].sort((a, b) => strength(a.row) - strength(b.row))) {
      const color = row === selected ? place.theme.text : row === best ? place.theme.best : fillOf(place.theme, kinds[row] ?? 0);
      drawLine(place, points.map(([x, y]) => [xOf(inner, x), yOf(inner, y)]), color, strength(row));
    }
  }, [lines, framed, shown, kinds, best, selected]);
  const pick = (event: MouseEvent, x: number, y: number) => {
    const { clientWidth, clientHeight } = event.currentTarget as HTMLElement;
    const inner = framed(clientWidth, clientHeight);
    let [found, least]: [number | null, number] = [null, 144];
    for (const { row, points } of lines) {
      for (const [step, value] of points) {
        const distance = (xOf(inner, step) - x) ** 2 + (yOf(inner, value) - y) ** 2;
        if (distance < least) [found, least] = [row, distance];
      }
    }
    select(found);
  };
  if (fault) return <Empty text={fault} />;
  return (
    <div class="with-choice">
      <div class="choices">
        <ObjectiveChoice {...props} />
        {metrics.length > 1 && <label class="choice">Metric <select value={shown} onChange={(event) => change({ curve: event.currentTarget.value })}>{metrics.map((each) => <option key={each}>{each}</option>)}</select></label>}
        {lines.length > 0 && <span class="faint">The best {BEST} and the newest {NEWEST} trials in sight</span>}
        <Legend followed={followed} rows={others} best={others.length < lines.length ? "best" : undefined} />
      </div>
      {lines.length === 0 ? <Empty text={curves ? "No trial in sight has reported values." : "Reading…"} />
        : <div class="plot"><Canvas draw={draw} label={`Curves of ${count(lines.length, "trial")}`} onPointerUp={pick} /></div>}
    </div>
  );
}

function drawLine({ context }: Place, points: number[][], color: string, strength: number) {
  context.strokeStyle = color;
  context.globalAlpha = strength > 1 ? 1 : strength === 1 ? 0.6 : 0.45;
  context.lineWidth = strength > 1 ? 2.5 : 1.2;
  context.beginPath();
  for (const [x = 0, y = 0] of points) context.lineTo(x, y);
  context.stroke();
  const [x = 0, y = 0] = points[points.length - 1] ?? [];
  context.fillStyle = color;
  context.fillRect(x - 1.5, y - 1.5, 3, 3);
  context.globalAlpha = 1;
  context.lineWidth = 1;
}

/** The curves of these trials, null before the first answer. Those of ended trials are asked for once. */
function useCurves(namespace: string, name: string, uid: string, numbers: number[], trials: Trials): { curves: Curve[] | null; fault: string | null } {
  const known = useRef(new Map<number, Curve>());
  const [state, set] = useState<{ curves: Curve[] | null; fault: string | null }>({ curves: null, fault: null });
  const chosen = useRef(numbers);
  chosen.current = numbers;
  const runs = numbers.some((row) => Number.isNaN(trials.finished[row]));
  const life = `${namespace}/${name}/${uid}`;
  const key = numbers.join(",");
  const asked = useRef("");
  useEffect(() => {
    known.current.clear();
    set({ curves: null, fault: null });
  }, [life]);
  const again = usePolling(async () => {
    const wanted = chosen.current.filter((row) => Number.isNaN(trials.finished[row]) || !ended(known.current.get(row)));
    asked.current = chosen.current.join(",");
    try {
      if (wanted.length > 0) {
        const path = `experiments/${name}/curves?numbers=${wanted.join(",")}&points=${POINTS}`;
        const { curves } = await get<{ curves: Curve[] }>(pathOf(namespace, path));
        for (const curve of curves) known.current.set(curve.number, curve);
      }
      set({ curves: chosen.current.flatMap((row) => known.current.get(row) ?? []), fault: null });
    } catch (fault) {
      set((old) => ({ ...old, fault: String((fault as Error).message) }));
      return false;
    }
    return true;
  }, runs ? SECONDS : SECONDS_AT_REST, `${life} ${runs}`);
  useEffect(() => {
    if (asked.current !== key) again();
  }, [key]);
  return state;
}

/** Whether a curve is known to its end. */
function ended(curve: Curve | undefined): boolean {
  return curve !== undefined && curve.state !== "RUNNING" && curve.state !== "WAITING";
}
