// The style sheet's colours, for canvases. They follow the system between light and dark.

import { useEffect, useState } from "preact/hooks";
import { MISSES } from "../data/best";
import { PRUNED } from "../data/trials";

const NAMES = ["back", "line", "strong-line", "text", "faint", "accent", "best", "fill-running", "fill-complete", "fill-pruned", "fill-failed", "fill-stopped", "fill-waiting"] as const;

export type Theme = Record<(typeof NAMES)[number], string> & { dark: boolean; series: readonly string[] };

/** The colours of compared experiments: `--series-0` and so on. */
const SERIES = 10;

function read(dark: boolean): Theme {
  const style = getComputedStyle(document.documentElement);
  const colors = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Record<(typeof NAMES)[number], string>;
  const series = Array.from({ length: SERIES }, (_, place) => style.getPropertyValue(`--series-${place}`).trim());
  return { ...colors, dark, series };
}

export function useTheme(): Theme {
  const [theme, set] = useState(() => read(query().matches));
  useEffect(() => {
    const changed = () => set(read(query().matches));
    const dark = query();
    dark.addEventListener("change", changed);
    return () => dark.removeEventListener("change", changed);
  }, []);
  return theme;
}

function query(): MediaQueryList {
  return matchMedia("screen and (prefers-color-scheme: dark)");
}

/** Whether a kind of trial is drawn hollow: it ended as it should, and cannot be the best. */
export function isHollow(kind: number): boolean {
  return kind === PRUNED || kind === MISSES;
}

/** The fill of a kind of trial: a state, or `MISSES`. */
export function fillOf(theme: Theme, kind: number): string {
  const fills = [theme["fill-waiting"], theme["fill-running"], theme["fill-complete"], theme["fill-pruned"], theme["fill-failed"], theme["fill-stopped"], theme["fill-stopped"]];
  return fills[kind] ?? theme.faint;
}

export type Color = readonly [number, number, number];

const LIGHT: readonly Color[] = [[194, 65, 12], [219, 112, 60], [150, 130, 160], [110, 140, 190], [175, 195, 220]];
const DARK: readonly Color[] = [[255, 157, 92], [220, 125, 90], [140, 115, 150], [75, 105, 165], [52, 68, 100]];

/** The colour of a share from 0, the best, to 1. */
export function ramp(theme: Theme, share: number): Color {
  const stops = theme.dark ? DARK : LIGHT;
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const [low, high] = [Math.floor(place), Math.ceil(place)];
  const [from, to] = [stops[low] ?? [0, 0, 0], stops[high] ?? [0, 0, 0]];
  const mixed = from.map((part, index) => Math.round(part + ((to[index] ?? 0) - part) * (place - low)));
  return [mixed[0] ?? 0, mixed[1] ?? 0, mixed[2] ?? 0];
}

export function css([red, green, blue]: Color, alpha = 1): string {
  return `rgb(${red} ${green} ${blue} / ${alpha})`;
}

/** Red, green and blue of a colour such as #4c9bf0. */
export function parsed(color: string): Color {
  const value = Number.parseInt(color.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
