// The choice of the best trials, which filters all views and the table.

import type { ViewProps } from "./view";

const MANY = [10, 20, 50, 100, 500];

/** How many of the best trials the address asks for; null for all. */
export function topOf(text: string | undefined): number | null {
  return /^[1-9]\d{0,6}$/.test(text ?? "") ? Number(text) : null;
}

export function Top({ objective, followed, query, change }: ViewProps) {
  const top = topOf(query.best);
  const choices = [...new Set([...MANY, ...(top === null ? [] : [top])])].sort((a, b) => a - b);
  return (
    <label class="choice">Trials{" "}
      <select value={top ?? ""} onChange={(event) => change({ best: event.currentTarget.value })}>
        <option value="">all</option>
        {choices.map((many) => <option key={many} value={many}>best {many}{followed.experiment.spec.objectives.length > 1 && ` by ${objective.metric}`}</option>)}
      </select>
    </label>
  );
}
