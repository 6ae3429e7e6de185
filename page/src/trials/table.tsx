// The trials in sight as a table: drawn only where it is seen, sorted by any column.

import { useEffect, useMemo, useRef } from "preact/hooks";
import { ENDED, seconds, shown, type Dimension } from "../data/dimensions";
import { among } from "../data/filter";
import { STATES, type Trials } from "../data/trials";
import { duration } from "../format";
import { State } from "../parts/state";
import type { Order } from "../route";
import { useRows } from "../virtual";

const ROW_HEIGHT = 28;

export interface Column extends Dimension {
  text: (row: number) => string;
  right: boolean;
}

/** The newest first. */
export const USUAL: Order = { id: "number", descending: true };

export function columnsOf(dimensions: readonly Dimension[], trials: Trials): Column[] {
  const state: Dimension = { id: "state", label: "state", at: (row) => trials.state[row] ?? NaN, log: false, names: STATES };
  const [number, ...others] = dimensions.filter((each) => each.id !== ENDED);
  return [...(number ? [number] : []), state, ...others].map((each) => ({ ...each, text: textOf(each, trials), right: each.names === null }));
}

/** Those that the table shows: of hyperparameters and attributes only `chosen`, in their order, and the one that it is sorted by. */
export function inSight(columns: readonly Column[], chosen: readonly Dimension[], sorted: string): Column[] {
  const first = columns.findIndex(isChosen);
  const ids = new Set([...chosen.map(({ id }) => id), sorted]);
  const shown = [...ids].flatMap((id) => columns.find((each) => each.id === id && isChosen(each)) ?? []);
  return first < 0 ? [...columns] : [...columns.slice(0, first), ...shown, ...columns.slice(first).filter((each) => !isChosen(each))];
}

/** Whether there may be many of its kind. */
export function isChosen({ id }: Dimension): boolean {
  return id.startsWith("h:") || id.startsWith("a:");
}

function textOf(dimension: Dimension, trials: Trials): (row: number) => string {
  if (dimension.id === "number") return (row) => row.toString();
  if (dimension.id === "seconds") return (row) => duration(seconds(trials, row));
  return (row) => shown(dimension, dimension.at(row));
}

/** The rows by a column. Rows without a value come last in either direction. */
export function ordered(rows: Int32Array, at: (row: number) => number, descending: boolean): Int32Array {
  const sign = descending ? -1 : 1;
  return rows.slice().sort((a, b) => {
    const [x, y] = [at(a), at(b)];
    const lacking = Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return lacking || (Number.isNaN(x) ? 0 : sign * (x - y)) || a - b;
  });
}

export function Table({ trials, version, rows, all, columns, best, order, setOrder, selected, select }: {
  trials: Trials; version: number; rows: Int32Array; all: Int32Array; columns: readonly Column[]; best: ReadonlySet<number>;
  order: Order; setOrder: (order: Order) => void; selected: number | null; select: (row: number | null) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const column = columns.find((each) => each.id === order.id) ?? columns[0];
  // All rows are sorted once, so that a brush only picks from them.
  const whole = useMemo(() => (column ? ordered(all, column.at, order.descending) : all), [all, order.id, order.descending, trials, version]);
  const sorted = useMemo(() => among(whole, rows), [whole, rows]);
  const { first, last, above, below } = useRows(box, sorted.length, ROW_HEIGHT);
  useSeen(box, sorted, selected);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || sorted.length === 0) return;
    event.preventDefault();
    const place = selected === null ? -1 : sorted.indexOf(selected);
    select(sorted[Math.min(sorted.length - 1, Math.max(0, place + step))] ?? null);
  };
  return (
    <div class="scrolled trials" ref={box} tabIndex={0} role="region" aria-label="Table of trials: arrow keys select a trial" onKeyDown={move}>
      <table aria-rowcount={sorted.length + 1}>
        <thead>
          <tr>{columns.map((each) => <Head key={each.id} column={each} order={order} setOrder={setOrder} />)}</tr>
        </thead>
        <tbody>
          {above > 0 && <tr class="spacer" aria-hidden="true"><td colSpan={columns.length} style={{ height: `${above}px` }} /></tr>}
          {[...sorted.subarray(first, last)].map((row, index) => (
            <tr key={row} aria-rowindex={first + index + 2} aria-current={row === selected ? "true" : undefined}
              class={`${row === selected ? "chosen" : ""} ${best.has(row) ? "best" : ""}`} onClick={() => select(row)}>
              {columns.map((each) => <Cell key={each.id} column={each} row={row} trials={trials} />)}
            </tr>
          ))}
          {below > 0 && <tr class="spacer" aria-hidden="true"><td colSpan={columns.length} style={{ height: `${below}px` }} /></tr>}
        </tbody>
      </table>
    </div>
  );
}

export function Cell({ column, row, trials }: { column: Column; row: number; trials: Trials }) {
  if (column.id === "state") {
    const attempt = trials.attempt[row] ?? 1;
    return <td><State state={STATES[trials.state[row] ?? 0] ?? ""} />{attempt > 1 && <span class="faint" title="attempts"> ×{attempt}</span>}</td>;
  }
  const text = column.text(row);
  return <td class={column.right ? "right" : "names"} title={column.names ? text : undefined}>{text}</td>;
}

function Head({ column, order, setOrder }: { column: Column; order: Order; setOrder: (order: Order) => void }) {
  const mine = order.id === column.id;
  return (
    <th scope="col" class={column.right ? "right" : ""} aria-sort={mine ? (order.descending ? "descending" : "ascending") : "none"}>
      <button type="button" class="sort" title={column.label} onClick={() => setOrder({ id: column.id, descending: mine && !order.descending })}>
        <span class="title">{column.id === "number" ? "#" : column.label}</span><span class="arrow" aria-hidden="true">{mine ? (order.descending ? "↓" : "↑") : ""}</span>
      </button>
    </th>
  );
}

/** Scroll to the selected row when another one is selected. */
function useSeen(box: { current: HTMLDivElement | null }, rows: Int32Array, selected: number | null) {
  useEffect(() => {
    const element = box.current;
    const place = selected === null ? -1 : rows.indexOf(selected);
    if (!element || place < 0) return;
    const top = place * ROW_HEIGHT;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + 2 * ROW_HEIGHT > element.scrollTop + element.clientHeight) element.scrollTop = top + 2 * ROW_HEIGHT - element.clientHeight;
  }, [selected]);
}
