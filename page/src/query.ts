// What one sets up on a page is in its address: it is there again after Back or a reload, and for others.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { go } from "./hooks";
import { parse, type Route } from "./route";

export type Query = Readonly<Record<string, string>>;

export interface Address {
  query: Query;
  /** Change the query at once on the page, and in the address a few times a second: browsers refuse more. */
  change: (changes: Query) => void;
  /** Change it with an entry in the browser's history, so that Back undoes it. */
  open: (changes: Query) => void;
  /** Undo what `open` did to `changes`, without an entry more. What else has changed stays. */
  close: (changes: Query) => void;
}

/** Milliseconds from one change of the address to the next. */
const PAUSE = 250;

/** What is not in the address yet, and the address to which it belongs. */
interface Waiting {
  changes: Query;
  at: string;
  timer: number;
}

const NOTHING: Waiting = { changes: {}, at: "", timer: 0 };

export function useQuery(route: Route): Address {
  const [, redraw] = useState({});
  const waiting = useRef(NOTHING);
  const given = useRef(route);
  given.current = route;
  const latest = useCallback((): Query => {
    const here = parse(location.hash);
    const query = here.name === given.current.name ? here.query : given.current.query;
    // After Back what was about to be written belongs to another entry.
    return waiting.current.at === location.hash ? { ...query, ...waiting.current.changes } : query;
  }, []);
  const settle = useCallback((changes: Query = {}): Route => {
    const settled = { ...given.current, query: { ...latest(), ...changes } };
    clearTimeout(waiting.current.timer);
    waiting.current = NOTHING;
    return settled;
  }, []);
  const written = useRef(-Infinity);
  const write = useCallback(() => {
    if (waiting.current === NOTHING || location.hash !== waiting.current.at) return;
    written.current = performance.now();
    go(settle(), true);
  }, []);
  const change = useCallback((changes: Query) => {
    const { current } = waiting;
    clearTimeout(current.timer);
    waiting.current = { changes: { ...(current.at === location.hash ? current.changes : {}), ...changes }, at: location.hash, timer: 0 };
    const rest = written.current + PAUSE - performance.now();
    if (rest > 0) waiting.current.timer = window.setTimeout(write, rest);
    else write();
    redraw({});
  }, []);
  const open = useCallback((changes: Query) => {
    go(settle(), true);
    go(settle(changes), false, { opened: nameOf(changes) });
  }, []);
  const close = useCallback((changes: Query) => leave(settle(changes), nameOf(changes)), []);
  useEffect(() => {
    // A click may follow a link before the time has come.
    addEventListener("pointerdown", write, true);
    return () => {
      clearTimeout(waiting.current.timer);
      removeEventListener("pointerdown", write, true);
    };
  }, []);
  return { query: latest(), change, open, close };
}

/** What an entry of the history was opened for. */
function nameOf(changes: Query): string {
  return Object.keys(changes).join();
}

let leaving = false;

/** To the entry before if this one was opened on top of it, and give that one the address. */
function leave(route: Route, opened: string) {
  if (leaving) return;
  if ((history.state as { opened?: string } | null)?.opened !== opened) {
    go(route, true);
    return;
  }
  leaving = true;
  addEventListener("popstate", () => {
    leaving = false;
    go(route, true);
  }, { once: true });
  history.back();
}

/**
 * Keep how far an element is scrolled with the entry of the browser's history, and go there again after
 * Back, once its content is `whole`.
 */
export function useScrollPlace(box: { current: HTMLElement | null }, whole: boolean): void {
  const wanted = useRef((history.state as { top?: number } | null)?.top ?? 0);
  useEffect(() => {
    const element = box.current;
    if (!element || !whole) return;
    if (element.scrollTop === 0) element.scrollTop = wanted.current;
    const at = location.hash.split("?")[0];
    let timer = 0;
    const write = () => {
      clearTimeout(timer);
      if (location.hash.split("?")[0] === at) history.replaceState({ ...history.state, top: element.scrollTop }, "");
    };
    const moved = () => {
      clearTimeout(timer);
      timer = window.setTimeout(write, PAUSE);
    };
    element.addEventListener("scroll", moved, { passive: true });
    element.addEventListener("click", write, true);
    return () => {
      clearTimeout(timer);
      element.removeEventListener("scroll", moved);
      element.removeEventListener("click", write, true);
    };
  }, [box, whole]);
}
