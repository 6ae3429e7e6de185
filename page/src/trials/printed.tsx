// The table on paper: the best trials of those in sight.

import { top } from "../data/best";
import type { Trials } from "../data/trials";
import type { Objective, Spec } from "../documents";
import type { Order } from "../route";
import { Cell, ordered, type Column } from "./table";

const MOST = 30;

/** What is printed of `rows`, and how it is called: all if they are few, else the best ones, the best first. */
export function printed(trials: Trials, spec: Spec, objective: Objective | undefined, rows: Int32Array, columns: readonly Column[], order: Order): [Int32Array, string] {
  const by = (id: string, descending: boolean, some: Int32Array) => ordered(some, columns.find((each) => each.id === id)?.at ?? ((row) => row), descending);
  if (rows.length <= MOST) return [by(order.id, order.descending, rows), ""];
  const best = objective ? top(trials, spec, objective, rows, MOST) : rows.subarray(0, 0);
  if (!objective || best.length === 0) return [by(order.id, order.descending, rows).subarray(0, MOST), `The first ${MOST} of `];
  return [by(`v:${objective.metric}`, objective.direction === "maximize", best), `The best ${best.length} by ${objective.metric} of `];
}

export function Printed({ trials, spec, objective, rows, columns, order, summary, filter }: {
  trials: Trials; spec: Spec; objective: Objective | undefined; rows: Int32Array; columns: readonly Column[]; order: Order; summary: string; filter: string;
}) {
  const [shown, which] = printed(trials, spec, objective, rows, columns, order);
  return (
    <section class="trials printed">
      <p>{`${which}${summary}`}{filter.trim() !== "" && `, those with ${filter.trim()}`}</p>
      <table>
        <thead><tr>{columns.map(({ id, label, right }) => <th key={id} scope="col" class={right ? "right" : ""}>{id === "number" ? "#" : label}</th>)}</tr></thead>
        <tbody>{[...shown].map((row) => <tr key={row}>{columns.map((each) => <Cell key={each.id} column={each} row={row} trials={trials} />)}</tr>)}</tbody>
      </table>
    </section>
  );
}
