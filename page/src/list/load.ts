// Reads a namespace's experiments page by page, then only what may have changed.

import { afterOf, get, pathOf } from "../api";
import { LIVE, type Overview } from "../documents";
import { remember } from "../shell/seen";

const PAGE = 200;

interface Page {
  experiments: Overview[];
  next: string | null;
}

/** All experiments, given to `shown` each time a page has come. */
export async function readAll(namespace: string, signal?: AbortSignal, shown: (rows: Overview[]) => void = () => {}): Promise<Overview[]> {
  return readPages(namespace, "", shown, signal);
}

/** Those that may have changed. */
export async function readLive(namespace: string): Promise<Overview[]> {
  return readPages(namespace, "&live=true", () => {});
}

async function readPages(namespace: string, which: string, shown: (rows: Overview[]) => void, signal?: AbortSignal): Promise<Overview[]> {
  const found: Overview[] = [];
  let after: string | null = "";
  while (after !== null) {
    const from: string = after ? `&after=${encodeURIComponent(after)}` : "";
    const page: Page = await get(pathOf(namespace, `overview?limit=${PAGE}${which}${from}`), signal);
    found.push(...page.experiments);
    after = afterOf(page.next);
    shown([...found]);
    if (found.length > 0) remember(namespace);
  }
  return found;
}

/**
 * The rows with those that came in place of older ones, by name. A row that was live and did not
 * come is gone: the live ones are listed for minutes after their end.
 */
export function updated(rows: readonly Overview[], live: readonly Overview[]): Overview[] {
  const coming = new Map(live.map((row) => [row.name, row]));
  const kept = rows.flatMap((row) => {
    const fresh = coming.get(row.name);
    coming.delete(row.name);
    if (fresh) return [same(row, fresh) ? row : fresh];
    return LIVE.includes(row.state) ? [] : [row];
  });
  return [...kept, ...coming.values()];
}

/** The rows that came, those that did not change as the same objects, so that they are not drawn again. */
export function renewed(rows: readonly Overview[], all: readonly Overview[]): Overview[] {
  const known = new Map(rows.map((row) => [row.name, row]));
  return all.map((fresh) => {
    const row = known.get(fresh.name);
    return row && same(row, fresh) ? row : fresh;
  });
}

function same(a: Overview, b: Overview): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
