// The experiments of a namespace: usable with thousands, and up to date while it is in sight.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Overview } from "../documents";
import { count, thousands } from "../format";
import { useNow, usePolling } from "../hooks";
import { Fault } from "../parts/message";
import { namesOf } from "../compare/series";
import { useQuery, useScrollPlace } from "../query";
import { COMPARE, format, orderOf, orderText, type Route } from "../route";
import { useMay } from "../rights";
import { useRows } from "../virtual";
import { readAll, readLive, renewed, updated } from "./load";
import { beginnings, matches, sorted, wordsOf, type Column, type Order } from "./model";
import { Row } from "./row";

const ROW_HEIGHT = 40;
const COLUMNS: readonly { column: Column; title: string; class?: string; down?: boolean }[] = [
  { column: "name", title: "Experiment" },
  { column: "state", title: "State" },
  { column: "progress", title: "Trials", down: true },
  { column: "best", title: "Best", class: "right" },
  { column: "algorithm", title: "Algorithm" },
  { column: "submitted", title: "Submitted", down: true },
  { column: "time", title: "Time", class: "right", down: true },
];
const USUAL = { id: "submitted", descending: true };

function columnOf(id: string): Column {
  return COLUMNS.find(({ column }) => column === id)?.column ?? "submitted";
}

function statesOf(text: string | undefined): ReadonlySet<string> {
  return new Set((text ?? "").toUpperCase().split(",").filter(Boolean));
}

export function List({ route }: { route: Route }) {
  const { namespace } = route;
  const { rows, whole, fault, again } = useExperiments(namespace);
  const { query, change } = useQuery(route);
  const text = query.find ?? "";
  const states = useMemo(() => statesOf(query.state), [query.state]);
  const { id, descending } = orderOf(query.sort, USUAL);
  const order = useMemo(() => ({ column: columnOf(id), descending }), [id, descending]);
  const now = useNow(rows.some((row) => row.ended_at === null));
  const minute = Math.floor(now / 60_000);
  const shown = useMemo(() => {
    const words = wordsOf(text);
    return sorted(rows.filter((row) => matches(row, words, states)), order, minute * 60_000);
  }, [rows, text, states, order, minute]);
  const chosen = useMemo(() => namesOf(query.compare), [query.compare]);
  const choose = (name: string) => {
    const others = chosen.filter((each) => each !== name);
    change({ compare: (others.length < chosen.length ? others : [...chosen, name]).join(",") });
  };
  return (
    <section class="list" aria-label="Experiments">
      <h1 class="hidden">Experiments in {namespace}</h1>
      <div class="tools">
        <input type="search" class="find" placeholder="Find by name, algorithm or label=value" aria-label="Find experiments"
          value={text} onInput={(event) => change({ find: event.currentTarget.value })} />
        <States rows={rows} chosen={states} choose={(given) => change({ state: [...given].join(",").toLowerCase() })} />
        {chosen.length > 0 && <Chosen namespace={namespace} names={chosen} clear={() => change({ compare: "" })} />}
        <span class="faint" role="status">{summary(shown.length, rows.length, whole, fault !== null)}</span>
      </div>
      {fault !== null && <Fault fault={fault} retry={again} />}
      {rows.length === 0 && fault !== null ? null : whole && rows.length === 0 ? <Nothing namespace={namespace} />
        : <Table rows={shown} whole={whole} order={order} setOrder={({ column, descending }) => change({ sort: orderText({ id: column, descending }, USUAL) })} now={now} chosen={chosen} choose={choose} />}
    </section>
  );
}

function summary(shown: number, all: number, whole: boolean, failed: boolean): string {
  if (failed && !whole) return all ? `the first ${count(all, "experiment")}` : "";
  if (!whole) return all ? `${count(all, "experiment")}, reading more…` : "Reading…";
  return shown === all ? count(all, "experiment") : `${thousands(shown)} of ${count(all, "experiment")}`;
}

function Nothing({ namespace }: { namespace: string }) {
  const may = useMay()("create", "experiments");
  return (
    <div class="note empty">
      <h2>No experiments in {namespace} yet</h2>
      <p>{may && <>Describe one with <b>New experiment</b> at the top, or submit it from a terminal. </>}What is submitted appears here:</p>
      <pre>{beginnings(namespace).join("\n")}</pre>
    </div>
  );
}

function Chosen({ namespace, names, clear }: { namespace: string; names: readonly string[]; clear: () => void }) {
  return (
    <span class="chips">
      <a class="button" href={format({ namespace, name: COMPARE, query: { names: names.join(",") } })}>Compare {names.length}</a>
      <button type="button" class="plain" onClick={clear}>Clear</button>
    </span>
  );
}

function States({ rows, chosen, choose }: {
  rows: readonly Overview[]; chosen: ReadonlySet<string>; choose: (states: ReadonlySet<string>) => void;
}) {
  // A chosen one stays, to be taken back, if no experiment has it any more.
  const counted = new Map([...chosen].map((state) => [state, 0]));
  for (const row of rows) counted.set(row.state, (counted.get(row.state) ?? 0) + 1);
  const toggle = (state: string) => {
    const next = new Set(chosen);
    if (!next.delete(state)) next.add(state);
    choose(next);
  };
  return (
    <span class="chips" role="group" aria-label="Only these states">
      {[...counted].sort().map(([state, many]) => (
        <button key={state} type="button" class={`chip ${state.toLowerCase()}`} aria-pressed={chosen.has(state)} onClick={() => toggle(state)}>
          {state.toLowerCase()} <span class="faint">{many}</span>
        </button>
      ))}
    </span>
  );
}

function Table({ rows, whole, order, setOrder, now, chosen, choose }: {
  rows: readonly Overview[]; whole: boolean; order: Order; setOrder: (order: Order) => void; now: number; chosen: readonly string[]; choose: (name: string) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const { first, last, above, below } = useRows(box, rows.length, ROW_HEIGHT);
  useScrollPlace(box, whole);
  return (
    <div class="scrolled" ref={box} tabIndex={0} role="region" aria-label="Table of experiments">
      <table class="experiments" aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            <th scope="col" class="col-choose"><span class="hidden">Compare</span></th>
            {COLUMNS.map(({ column, title, ...rest }) => [
              column === "algorithm" && <th key="spark" scope="col" class="col-spark"><span class="hidden">Best so far</span></th>,
              <Head key={column} column={column} title={title} right={rest.class === "right"} order={order}
                choose={() => setOrder(turned(order, column, rest.down ?? false))} />,
            ])}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <tr class="spacer" aria-hidden="true"><td colSpan={COLUMNS.length + 2} style={{ height: `${above}px` }} /></tr>}
          {rows.slice(first, last).map((row, index) => <Row key={row.name} row={row} index={first + index + 2} now={now} chosen={chosen.includes(row.name)} choose={choose} />)}
          {below > 0 && <tr class="spacer" aria-hidden="true"><td colSpan={COLUMNS.length + 2} style={{ height: `${below}px` }} /></tr>}
        </tbody>
      </table>
    </div>
  );
}

/** The order after a click on a column: its usual direction first, then the other one. */
function turned(order: Order, column: Column, down: boolean): Order {
  return { column, descending: order.column === column ? !order.descending : down };
}

function Head({ column, title, right, order, choose }: {
  column: Column; title: string; right: boolean; order: Order; choose: () => void;
}) {
  const mine = order.column === column;
  return (
    <th scope="col" class={`col-${column}${right ? " right" : ""}`} aria-sort={mine ? (order.descending ? "descending" : "ascending") : "none"}>
      <button type="button" class="sort" onClick={choose}>
        {title}<span class="arrow" aria-hidden="true">{mine ? (order.descending ? "↓" : "↑") : ""}</span>
      </button>
    </th>
  );
}

/** Milliseconds after which all experiments are read again. */
const EVERYTHING = 60_000;

interface Loaded {
  rows: Overview[];
  whole: boolean;
  fault: unknown;
}

function useExperiments(namespace: string): Loaded & { again: () => void } {
  const [loaded, set] = useState<Loaded>({ rows: [], whole: false, fault: null });
  const [round, setRound] = useState(0);
  const whole = useRef(false);
  const wholeAt = useRef(0);
  useEffect(() => {
    const stop = new AbortController();
    whole.current = false;
    readAll(namespace, stop.signal, (rows) => set({ rows, whole: false, fault: null }))
      .then(() => {
        whole.current = true;
        wholeAt.current = performance.now();
        set((old) => ({ ...old, whole: true }));
      })
      .catch((fault: unknown) => stop.signal.aborted || set((old) => ({ ...old, fault })));
    return () => stop.abort();
  }, [namespace, round]);
  usePolling(async () => {
    if (!whole.current) return true;
    try {
      // Among the live ones an ended experiment is not missed that somebody else has deleted.
      const began = performance.now();
      const due = began - wholeAt.current > EVERYTHING;
      const found = await (due ? readAll(namespace) : readLive(namespace));
      if (due) wholeAt.current = began;
      set((old) => ({ ...old, rows: (due ? renewed : updated)(old.rows, found), fault: null }));
      return true;
    } catch (fault) {
      set((old) => ({ ...old, fault }));
      return false;
    }
  }, 3, namespace);
  return { ...loaded, again: () => setRound((old) => old + 1) };
}
