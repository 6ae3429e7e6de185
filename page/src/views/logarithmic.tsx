// Whether the axis of a value is logarithmic: as the address says, else by itself.

import type { Query } from "../query";

/** An axis is logarithmic by itself from this ratio of its ends on. */
const WIDE = 1_000;

export type Ends = readonly [number, number];

/** Whether an axis with these ends is logarithmic; never unless all values are above 0. `given` is 1, 0, or nothing: by itself. */
export function isLog(given: string | undefined, [low, high]: Ends): boolean {
  return low > 0 && (given === "1" || (given !== "0" && high / low > WIDE));
}

/** The box says how the axis is drawn. */
export function Logarithmic({ query, change, ends }: { query: Query; change: (changes: Record<string, string>) => void; ends: Ends }) {
  const fits = ends[0] > 0;
  return (
    <label class="choice" title={fits ? undefined : "Only an axis whose values are all above 0 can be logarithmic"}>
      <input type="checkbox" disabled={!fits} checked={isLog(query.log, ends)} onChange={(event) => change({ log: event.currentTarget.checked ? "1" : "0" })} /> logarithmic
    </label>
  );
}
