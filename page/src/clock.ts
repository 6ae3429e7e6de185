// The time now. In a report it is the time at which the report was made.

let fixed: number | null = null;

/** The time in milliseconds. */
export function now(): number {
  return fixed ?? Date.now();
}

export function fixClock(time: number): void {
  fixed = time;
}
