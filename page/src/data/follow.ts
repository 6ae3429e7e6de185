// Reads an experiment's trials page by page, then only what has changed, while the page is in sight.

import { useEffect, useRef, useState } from "preact/hooks";
import { get, pathOf, Problem } from "../api";
import { choicesOf, type Experiment, type Overview } from "../documents";
import { usePolling } from "../hooks";
import { Trials, type Block } from "./trials";

const FIRST_PAGE = 2_000;
const PAGE = 50_000;
const MOST_OPEN = 2_000;
const SECONDS = 2;
const SECONDS_AT_REST = 15;

interface Answer {
  experiment: Overview;
  /** Another one if the spec or a note has been changed. */
  revision: number;
  trials: Block;
  changed: Block;
  last: number;
  more: boolean;
}

export interface Followed {
  overview: Overview;
  experiment: Experiment;
  trials: Trials;
  /** Rises with each change of the trials, which change in place. */
  version: number;
  /** Whether all trials have been read. */
  whole: boolean;
}

/** What is known of the experiment; null before anything is. `again` asks at once. */
export function useExperiment(namespace: string, name: string): { followed: Followed | null; fault: unknown; again: () => void } {
  const [followed, set] = useState<Followed | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const reader = useRef<Reader | null>(null);
  const key = `${namespace}/${name}`;
  useEffect(() => {
    set(null);
    setFault(null);
    reader.current = new Reader(namespace, name);
  }, [key]);
  // Not before all is read: a page of trials that did not arrive is asked for again soon.
  const rests = followed !== null && followed.whole && followed.overview.ended_at !== null;
  const again = usePolling(async () => {
    const mine = (reader.current ??= new Reader(namespace, name));
    try {
      do {
        const found = await mine.step();
        if (reader.current !== mine) return true;
        set((old) => (old && found === null ? old : (found ?? mine.followed())));
      } while (!mine.whole);
      setFault(null);
      return true;
    } catch (problem) {
      if (reader.current === mine) setFault(problem);
      if (problem instanceof Problem && problem.status === 404) reader.current = null;
      return false;
    }
  }, rests ? SECONDS_AT_REST : SECONDS, `${key} ${rests}`);
  return { followed, fault, again };
}

class Reader {
  whole = false;
  private trials = new Trials();
  private experiment: Experiment | null = null;
  private overview: Overview | null = null;
  private last = -1;
  private version = 0;

  constructor(private readonly namespace: string, private readonly name: string) {}

  /** Ask once. Returns what is known now; null if nothing has changed. */
  async step(): Promise<Followed | null> {
    const limit = this.last < 0 ? FIRST_PAGE : PAGE;
    const open = this.whole ? this.trials.open().slice(0, MOST_OPEN).join(",") : "";
    const path = `experiments/${this.name}/columns?after=${this.last}&limit=${limit}${open && `&open=${open}`}`;
    const here = this.experiment ? null : get<Experiment>(pathOf(this.namespace, `experiments/${this.name}`));
    // Both fail if there is no such experiment; one of the faults is enough.
    here?.catch(() => {});
    const answer = await get<Answer>(pathOf(this.namespace, path));
    if (here) this.begin(await here);
    if (answer.experiment.uid !== this.experiment?.uid) {
      this.forget();
      return this.step();
    }
    return this.take(answer);
  }

  private begin(experiment: Experiment) {
    this.experiment = experiment;
    const forms = Object.entries(experiment.spec.hyperparameters).filter(([, form]) => form.type === "categorical");
    this.trials = new Trials(new Map(forms.map(([name, form]) => [name, choicesOf(form)])));
  }

  /** The name is of another experiment now. */
  private forget() {
    this.experiment = null;
    this.last = -1;
    this.whole = false;
  }

  private async take(answer: Answer): Promise<Followed | null> {
    const grown = this.trials.put(answer.trials);
    const changed = this.trials.put(answer.changed);
    this.last = answer.last;
    const edited = answer.revision !== this.experiment?.revision;
    const same = !grown && !changed && !edited && this.whole && JSON.stringify(answer.experiment) === JSON.stringify(this.overview);
    if (edited) {
      this.experiment = await get<Experiment>(pathOf(this.namespace, `experiments/${this.name}`));
    }
    this.overview = answer.experiment;
    this.whole = !answer.more;
    if (grown || changed) this.version += 1;
    return same ? null : this.followed();
  }

  followed(): Followed | null {
    const { overview, experiment, trials, version, whole } = this;
    return overview && experiment ? { overview, experiment, trials, version, whole } : null;
  }
}
