// The address after #: /NAMESPACE, /NAMESPACE/EXPERIMENT or /NAMESPACE/EXPERIMENT?view=…&trial=5&brush=…&sort=….
// A namespace alone is the list of its experiments; /NAMESPACE/+ is the form for a new one,
// /NAMESPACE/=?names=a,b compares several.

import type { Brush, Brushes } from "./data/filter";

export interface Route {
  namespace: string;
  name: string | null;
  query: Record<string, string>;
}

export const NEW = "+";
export const COMPARE = "=";
const PAGES = [NEW, COMPARE];

export function parse(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#/, "").split("?", 2);
  const [namespace, name] = path.split("/").filter(Boolean).map(decoded);
  return { namespace: namespace ?? "default", name: name ?? null, query: Object.fromEntries(new URLSearchParams(search)) };
}

export function format({ namespace, name, query }: Route): string {
  const path = `#/${encodeURIComponent(namespace)}${name === null ? "" : `/${PAGES.includes(name) ? name : encodeURIComponent(name)}`}`;
  const kept = Object.entries(query).filter(([, value]) => value !== "");
  return kept.length ? `${path}?${new URLSearchParams(kept).toString().replaceAll("%2C", ",").replaceAll("%3A", ":")}` : path;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** An order in the address: a column, with a minus if the largest come first. */
export interface Order {
  id: string;
  descending: boolean;
}

export function orderOf(text: string | undefined, otherwise: Order): Order {
  return text ? { id: text.replace(/^-/, ""), descending: text.startsWith("-") } : otherwise;
}

/** The text of an order; empty for the usual one. */
export function orderText({ id, descending }: Order, usual: Order): string {
  return id === usual.id && descending === usual.descending ? "" : `${descending ? "-" : ""}${id}`;
}

/** Brushes in the address, such as `h:lr:1e-5:0.01,v:loss:0:0.2`. What is none is left out. */
export function brushesOf(text: string | undefined): Brushes {
  const found = (text ?? "").split(",").flatMap((each): [string, Brush][] => {
    const [, id, low, high] = /^(.+):([^:]+):([^:]+)$/.exec(each) ?? [];
    const brush = { low: Number(low), high: Number(high) };
    return id === undefined || Number.isNaN(brush.low + brush.high) ? [] : [[decoded(id), brush]];
  });
  return new Map(found);
}

export function brushesText(brushes: Brushes): string {
  return [...brushes].map(([id, { low, high }]) => `${id.replace(/[%,]/g, encodeURIComponent)}:${end(low, high - low)}:${end(high, high - low)}`).join(",");
}

/** A brush's end with as many digits as a picture can tell apart. */
function end(value: number, span: number): string {
  const digits = Math.ceil(Math.log10(Math.abs(value) / span)) + 4;
  return String(Number(value.toPrecision(Math.min(17, Math.max(4, digits)))));
}
