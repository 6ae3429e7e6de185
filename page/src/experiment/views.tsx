// The views of an experiment as tabs. Only the chosen one is drawn.

import type { FunctionComponent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Curves } from "../views/curves";
import { History } from "../views/history";
import { Importance } from "../views/importance";
import { Parallel } from "../views/parallel";
import { Pareto } from "../views/pareto";
import { Request } from "../views/request";
import { Scatter } from "../views/scatter";
import { Slices } from "../views/slices";
import { Timeline } from "../views/timeline";
import type { ViewProps } from "../views/view";

interface View {
  id: string;
  title: string;
  view: FunctionComponent<ViewProps>;
  fits?: (props: ViewProps) => boolean;
}

const VIEWS: readonly View[] = [
  { id: "history", title: "History", view: History },
  { id: "front", title: "Pareto front", view: Pareto, fits: (props) => props.followed.experiment.spec.objectives.length > 1 },
  { id: "parallel", title: "Parallel", view: Parallel },
  { id: "slices", title: "Slices", view: Slices },
  { id: "scatter", title: "Scatter", view: Scatter },
  { id: "curves", title: "Curves", view: Curves },
  { id: "importance", title: "Importance", view: Importance },
  { id: "timeline", title: "Timeline", view: Timeline },
  { id: "request", title: "Request", view: Request },
];

export function Views({ view, choose, ...props }: ViewProps & { view: string; choose: (view: string) => void }) {
  const fitting = VIEWS.filter((each) => each.fits?.(props) ?? true);
  const place = Math.max(0, fitting.findIndex((each) => each.id === view));
  const chosen = fitting[place];
  // An address may have a view that is unknown, or of experiments with several objectives.
  useEffect(() => void (view !== "" && view !== chosen?.id && props.change({ view: "" })), [view, chosen?.id]);
  const tabs = useRef<HTMLDivElement>(null);
  useEffect(() => inSight(tabs.current, chosen?.id), [chosen?.id]);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step === undefined ? undefined : fitting[(place + step + fitting.length) % fitting.length];
    if (!next) return;
    choose(next.id);
    (event.currentTarget as HTMLElement).querySelector<HTMLElement>(`#tab-${next.id}`)?.focus();
  };
  return (
    <div class="views">
      <div class="tabs" ref={tabs} role="tablist" aria-label="Views" onKeyDown={move}>
        {fitting.map((each) => (
          <button key={each.id} id={`tab-${each.id}`} type="button" role="tab" aria-selected={each === chosen} aria-controls="view"
            tabIndex={each === chosen ? 0 : -1} onClick={() => each !== chosen && choose(each.id)}>{each.title}</button>
        ))}
      </div>
      {chosen && <div id="view" class="view" role="tabpanel" aria-labelledby={`tab-${chosen.id}`}><chosen.view key={chosen.id} {...props} /></div>}
    </div>
  );
}

/** Scroll the tabs, and nothing else, so that the chosen one is seen on a narrow screen. */
function inSight(tabs: HTMLElement | null, id: string | undefined) {
  const tab = tabs?.querySelector<HTMLElement>(`#tab-${id}`);
  if (!tabs || !tab) return;
  const left = tab.offsetLeft - tabs.offsetLeft;
  if (left < tabs.scrollLeft || left + tab.offsetWidth > tabs.scrollLeft + tabs.clientWidth) tabs.scrollLeft = left - 40;
}
