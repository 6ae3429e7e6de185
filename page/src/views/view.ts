// What every view of an experiment's trials is given.

import type { Dimension } from "../data/dimensions";
import type { Brush, Brushes } from "../data/filter";
import type { Followed } from "../data/follow";
import type { Objective } from "../documents";

export interface ViewProps {
  followed: Followed;
  dimensions: readonly Dimension[];
  objective: Objective;
  /** The rows in sight, by number. */
  rows: Int32Array;
  /** All rows, if some are out of sight; else the same as `rows`. */
  all: Int32Array;
  brushes: Brushes;
  /** Several at once; null removes a brush. */
  setBrushes: (changes: readonly (readonly [string, Brush | null])[]) => void;
  selected: number | null;
  select: (row: number | null) => void;
}

export function dimensionOf(dimensions: readonly Dimension[], id: string): Dimension | undefined {
  return dimensions.find((each) => each.id === id);
}
