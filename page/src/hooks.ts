// What components share: the address, the clock, and polling that rests while the page is hidden.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { now as clock } from "./clock";
import { format, parse, type Route } from "./route";
import { onSignIn } from "./session";

export function useRoute(): Route {
  const [route, set] = useState(() => parse(location.hash));
  useEffect(() => {
    const changed = () => set(parse(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}

/** Change the address. A `replaced` one leaves no entry in the browser's history; a new entry has the `state`. */
export function go(route: Route, replaced = false, state: object | null = null): void {
  const hash = format(route);
  if (hash === location.hash) return;
  if (replaced) history.replaceState(history.state, "", hash);
  else history.pushState(state, "", hash);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/**
 * Call `poll` now and then each `seconds`, never twice at a time and never while the page is hidden.
 * After a fault it waits longer, up to a minute, and after an answer that took long twice as
 * long as it took. A sign-in wakes it. Returns a function that polls at once.
 */
export function usePolling(poll: () => Promise<boolean | void>, seconds: number, key: unknown): () => void {
  const latest = useRef(poll);
  latest.current = poll;
  const wake = useRef(() => {});
  useEffect(() => {
    let timer = 0;
    let busy = false;
    let again = false;
    let ended = false;
    let wait = seconds;
    const run = async () => {
      clearTimeout(timer);
      if (busy || document.hidden) {
        again = busy;
        return;
      }
      busy = true;
      again = false;
      const began = performance.now();
      const fine = await latest.current().catch(() => false);
      const took = (performance.now() - began) / 1000;
      busy = false;
      wait = fine === false ? Math.min(60, wait * 2) : Math.max(seconds, Math.min(15, took * 2));
      if (!ended) timer = window.setTimeout(run, again ? 0 : wait * 1000);
    };
    const shown = () => void run();
    wake.current = shown;
    document.addEventListener("visibilitychange", shown);
    const unheard = onSignIn(shown);
    void run();
    return () => {
      ended = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", shown);
      unheard();
    };
  }, [seconds, key]);
  return useCallback(() => wake.current(), []);
}

/** The time in milliseconds, which advances each second while something `runs`. */
export function useNow(runs: boolean): number {
  const [now, set] = useState(clock);
  useEffect(() => {
    if (!runs) return;
    const timer = setInterval(() => document.hidden || set(clock()), 1000);
    return () => clearInterval(timer);
  }, [runs]);
  return now;
}

/** The width and height of an element's content, in CSS pixels. */
export function useSize(element: { current: HTMLElement | null }): [number, number] {
  const [size, set] = useState<[number, number]>([0, 0]);
  useEffect(() => {
    if (!element.current) return;
    const watcher = new ResizeObserver(([entry]) => {
      if (entry) set([Math.round(entry.contentRect.width), Math.round(entry.contentRect.height)]);
    });
    watcher.observe(element.current);
    return () => watcher.disconnect();
  }, [element]);
  return size;
}

/** Whether the document is about to be printed, or is shown as it prints. */
export function usePrinting(): boolean {
  const [prints, set] = useState(false);
  useEffect(() => {
    const query = matchMedia("print");
    const changed = () => set(query.matches);
    // The query changes after the pages have been counted.
    const [before, after] = [() => set(true), () => set(false)];
    query.addEventListener("change", changed);
    addEventListener("beforeprint", before);
    addEventListener("afterprint", after);
    return () => {
      query.removeEventListener("change", changed);
      removeEventListener("beforeprint", before);
      removeEventListener("afterprint", after);
    };
  }, []);
  return prints;
}
