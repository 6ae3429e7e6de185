// How the best value of an experiment got better, as a small line.

import { useEffect, useState } from "preact/hooks";
import { get, pathOf } from "../api";
import { done, measured, type Overview } from "../documents";

interface Progress {
  improvements: { number: number; value: number | string }[];
  trials: number;
}

const WIDE = 96;
const HIGH = 20;
const AT_ONCE = 3;
/** Milliseconds that a row is in sight before it asks: rows that only pass by ask for nothing. */
const SETTLED = 400;

const known = new Map<string, Progress>();
const waiting: (() => void)[] = [];
let busy = 0;

/** Few requests at a time, and the newest wish first: rows that were scrolled past may wait. */
async function turn<T>(ask: () => Promise<T>): Promise<T> {
  if (busy >= AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  busy += 1;
  try {
    return await ask();
  } finally {
    busy -= 1;
    waiting.pop()?.();
  }
}

export function Spark({ row }: { row: Overview }) {
  const key = row.best ? `${row.uid} ${row.best.number}` : "";
  const [progress, set] = useState(known.get(key));
  useEffect(() => {
    set(known.get(key));
    if (key === "" || known.has(key)) return;
    let gone = false;
    const ask = () => (gone ? Promise.resolve(null) : get<Progress>(pathOf(row.namespace, `experiments/${row.name}/progress`)));
    const settled = setTimeout(() => {
      turn(ask)
        .then((found) => {
          if (found) known.set(key, found);
          if (found && !gone) set(found);
        })
        .catch((fault: unknown) => console.warn(fault));
    }, SETTLED);
    return () => {
      gone = true;
      clearTimeout(settled);
    };
  }, [key]);
  const points = progress ? line(progress, done(row.counts)) : "";
  return <svg class="spark" width={WIDE} height={HIGH} viewBox={`0 0 ${WIDE} ${HIGH}`} aria-hidden="true">{points && <polyline points={points} />}</svg>;
}

/** The steps of the line; empty for fewer than two improvements. */
export function line({ improvements, trials }: Progress, ended: number): string {
  const values = improvements.map(({ value }) => measured(value)).filter(Number.isFinite);
  if (values.length < 2) return "";
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (number: number) => Math.round((number / Math.max(1, trials - 1, ended)) * (WIDE - 4) * 10) / 10 + 2;
  const y = (value: number) => Math.round((HIGH - 3 - ((value - low) / (high - low || 1)) * (HIGH - 6)) * 10) / 10;
  const found: string[] = [];
  let before = "";
  for (const { number, value } of improvements) {
    if (!Number.isFinite(measured(value))) continue;
    if (before) found.push(`${x(number)},${before}`);
    before = `${y(measured(value))}`;
    found.push(`${x(number)},${before}`);
  }
  return [...found, `${WIDE - 2},${before}`].join(" ");
}
