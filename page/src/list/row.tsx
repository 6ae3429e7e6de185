import { measured, type Overview } from "../documents";
import { ago, duration, instant, number, when } from "../format";
import { Progress, State } from "../parts/state";
import { format } from "../route";
import { seconds } from "./model";
import { Spark } from "./spark";

export function Row({ row, index, now, chosen, choose }: { row: Overview; index: number; now: number; chosen: boolean; choose: (name: string) => void }) {
  return (
    <tr aria-rowindex={index}>
      <td class="col-choose"><input type="checkbox" checked={chosen} aria-label={`Compare ${row.name}`} onChange={() => choose(row.name)} /></td>
      <td class="col-name">
        <a href={format({ namespace: row.namespace, name: row.name, query: {} })}>{row.name}</a>
        <Labels labels={row.labels} />
      </td>
      <td class="col-state"><State state={row.state} reason={row.reason} /></td>
      <td class="col-progress"><Progress counts={row.counts} most={row.max_trials} /></td>
      <td class="col-best right"><Best row={row} /></td>
      <td class="col-spark"><Spark row={row} /></td>
      <td class="col-algorithm">{row.algorithm}</td>
      <td class="col-submitted" title={when(instant(row.submitted_at))}>{ago(instant(row.submitted_at), now)}</td>
      <td class="col-time right">{duration(seconds(row, now))}</td>
    </tr>
  );
}

function Labels({ labels }: { labels: Record<string, string> }) {
  const all = Object.entries(labels);
  return <>{all.slice(0, 3).map(([name, value]) => <span key={name} class="label" title={`${name}=${value}`}>{name}={value}</span>)}</>;
}

function Best({ row }: { row: Overview }) {
  const objective = row.objectives[0];
  if (row.objectives.length > 1) return <span class="faint">{row.front ? `front of ${row.front}` : "–"}</span>;
  if (!row.best || !objective) return <span class="faint">–</span>;
  return <span class="figure" title={`${objective.metric}, to ${objective.direction}`}>{number(measured(row.best.values[objective.metric]))}</span>;
}
