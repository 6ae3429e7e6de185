// What every view of an experiment's trials is given.

import type { Dimension } from "../data/dimensions";
import type { Brush, Brushes } from "../data/filter";
import type { Followed } from "../data/follow";
import type { Front } from "../data/front";
import type { Objective } from "../documents";
import type { Query } from "../query";

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
  /** Of several objectives; null of one. */
  front: Front | null;
  /** What the view's choices are, and how one is changed: they are in the address. Empty is the usual one. */
  query: Query;
  change: (changes: Query) => void;
}

export function dimensionOf(dimensions: readonly Dimension[], id: string): Dimension | undefined {
  return dimensions.find((each) => each.id === id);
}

/** The dimension that the address names as `key`, or the usual one, and how another is chosen. */
export function useChoice({ query, change }: ViewProps, key: string, choices: readonly Dimension[], usual: string): [string, (id: string) => void] {
  const given = query[key] ?? usual;
  return [dimensionOf(choices, given) ? given : usual, (id) => change({ [key]: id === usual ? "" : id })];
}
