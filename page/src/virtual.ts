// A long table draws only the rows in sight, between two spacers.

import { useEffect, useState } from "preact/hooks";

export interface Rows {
  first: number;
  last: number;
  above: number;
  below: number;
}

const SPARE = 8;
/** More than any screen shows: a box that a layout lets grow with its rows would have all of them else. */
const MOST = 200;

/** Which of `count` rows to draw if `top` pixels are scrolled away and `height` are in sight. */
export function rowsInSight(count: number, rowHeight: number, top: number, height: number): Rows {
  const first = Math.max(0, Math.min(count, Math.floor(top / rowHeight)) - SPARE);
  const last = Math.min(count, first + MOST, Math.ceil((top + height) / rowHeight) + SPARE);
  return { first, last: Math.max(first, last), above: first * rowHeight, below: Math.max(0, count - last) * rowHeight };
}

/** The rows in sight of a scrolled element. */
export function useRows(box: { current: HTMLElement | null }, count: number, rowHeight: number): Rows {
  const [place, set] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const moved = () => set((old) => {
      const now = { top: element.scrollTop, height: element.clientHeight };
      return old.top === now.top && old.height === now.height ? old : now;
    });
    moved();
    element.addEventListener("scroll", moved, { passive: true });
    const watcher = new ResizeObserver(moved);
    watcher.observe(element);
    return () => {
      element.removeEventListener("scroll", moved);
      watcher.disconnect();
    };
  }, [box]);
  return rowsInSight(count, rowHeight, place.top, place.height);
}
