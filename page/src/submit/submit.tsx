// A new experiment: a form that follows the request's schema, with the same request as YAML beside it.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, pathOf, Problem, send } from "../api";
import type { Experiment } from "../documents";
import { count } from "../format";
import { go } from "../hooks";
import { Copied } from "../parts/copied";
import { besides, faultsOf } from "../parts/faults";
import { Fault } from "../parts/message";
import type { Route } from "../route";
import { submits } from "../trials/command";
import { Code } from "./code";
import { begunWith, draftAt, forget, keep, placeOf } from "./drafts";
import { Field, type Choice } from "./field";
import { changed, cloned, type Json, type Request, type Schema } from "./schema";
import { SpaceFields } from "./space";
import { requestOf, textOf } from "./yaml";

const FIRST = ["name", "model_training_code", "hpo_algorithm", "objective", "max_trials", "parallel_trials", "early_stopping"];
const APART = ["hyperparameters", "namespace", "define_by_run"];
const EMPTY: Request = {
  model_training_code: "",
  hyperparameters: { learning_rate: { type: "float", min: 0.0001, max: 0.1, log: true } },
  hpo_algorithm: "tpe",
};

export function Submit({ route }: { route: Route }) {
  const { namespace, query } = route;
  const [anew, setAnew] = useState(0);
  const { found, fault } = useBegun(namespace, query.from);
  if (fault !== null) return <Fault fault={fault} />;
  if (!found) return <p class="note faint" role="status">Reading…</p>;
  const place = placeOf(namespace, query.from);
  const empty = () => {
    forget(place);
    setAnew(anew + 1);
  };
  return <Form key={`${place} ${anew}`} namespace={namespace} {...found} from={query.from} place={place} empty={empty} />;
}

function Form({ namespace, schema, begun, choices, known, from, place, empty }: Begun & { namespace: string; from: string | undefined; place: string; empty: () => void }) {
  const [draft] = useState(() => draftAt(place));
  const [first] = useState(() => begunWith(draft ?? { request: begun }));
  const [request, setRequest] = useState(first.request);
  // What is said of it beside the fields follows them, and they follow what is written there.
  const [said, setSaid] = useState({ text: first.text, request: first.request });
  const [wrong, setWrong] = useState<string | null>(first.wrong);
  const [round, setRound] = useState(0);
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [key] = useState(() => crypto.getRandomValues(new Uint32Array(4)).join("-"));
  const newest = useRef<Request | null>(first.wrong === null ? first.request : null);
  const { later, flush } = useLater(said.text.length < LONG);
  const errors = problem instanceof Problem ? problem.errors : [];
  const set = (next: Request) => {
    newest.current = next;
    keep(place, { request: next });
    setProblem(null);
    setRequest(next);
    setWrong(null);
    later(() => setSaid({ text: textOf(next), request: next }));
  };
  const write = (text: string) => {
    keep(place, { request, text });
    setSaid((old) => ({ ...old, text }));
    later(() => read(text));
  };
  const read = (text: string) => {
    const { value = null, fault = null } = requestOf(text);
    newest.current = value;
    setWrong(fault);
    if (value === null) return;
    setProblem(null);
    setRequest(value);
    setSaid({ text, request: value });
    setRound((old) => old + 1);
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    flush();
    const given = newest.current;
    if (given === null) return;
    setBusy(true);
    try {
      const begun = await send<{ name: string }>("POST", pathOf(namespace, "submit_job"), given, { "Idempotency-Key": `${key}-${hash(JSON.stringify(given))}` });
      forget(place);
      go({ namespace, name: begun?.name ?? null, query: {} });
    } catch (fault) {
      setProblem(fault);
      setBusy(false);
    }
  };
  const fields = useMemo(() => Object.entries(schema.properties ?? {}), [schema]);
  const put = (name: string) => (value: Json | undefined) => set(changed(newest.current ?? request, name, value));
  const field = ([name, inner]: [string, Schema]) => name === "model_training_code" ? (
    <Code key={name} round={round} value={request[name]} set={put(name)} errors={errors} {...known} />
  ) : (
    <Field key={name} round={round} name={name} schema={inner} root={schema} value={request[name]} set={put(name)} errors={errors} {...(choices[name] ? { choices: choices[name] } : {})} />
  );
  const shown = ["hyperparameters", ...fields.map(([name]) => name).filter((name) => !APART.includes(name))];
  const others = besides(problem, (each) => shown.some((name) => faultsOf([each], name).length > 0));
  return (
    <form class="submit" onSubmit={submit} onInvalidCapture={unfolded}>
      <div class="fields">
        <h1>{from ? `New experiment like ${from}` : "New experiment"}</h1>
        {draft !== undefined && <p class="draft faint">What you wrote here before. <button type="button" class="plain" onClick={empty}>Begin anew</button></p>}
        {fields.filter(([name]) => FIRST.includes(name)).sort((a, b) => FIRST.indexOf(a[0]) - FIRST.indexOf(b[0])).map(field)}
        <SpaceFields round={round} space={spaceOf(request)} set={put("hyperparameters")} errors={errors} />
        <details open={errors.some((each) => ![...FIRST, ...APART].some((name) => faultsOf([each], name).length))}>
          <summary>More fields</summary>
          {fields.filter(([name]) => !FIRST.includes(name) && !APART.includes(name)).map(field)}
        </details>
      </div>
      <div class="beside">
        <label for="yaml">The request as YAML</label>
        <textarea id="yaml" class="mono" value={said.text} spellcheck={false} aria-invalid={wrong !== null} onFocus={flush} onBlur={flush} onInput={(event) => write(event.currentTarget.value)} />
        {wrong !== null && <p class="wrong" role="status">{wrong}</p>}
        {others !== null && <Fault fault={others} />}
        {problem !== null && others === null && <p class="wrong" role="status">{count(errors.length, "fault")} at the fields</p>}
        {wrong === null && <><p class="faint">The same in a terminal</p><Copied text={submits(namespace, said.request)} /></>}
        <div class="buttons"><button type="submit" class="primary" disabled={busy || wrong !== null}>Submit</button></div>
      </div>
    </form>
  );
}

/** The characters of a request from which it takes too long to write or read all of it at each press. */
const LONG = 8000;
const PAUSE_MS = 250;

/** Does what is given to `later` at once if that is `fast`, else in the next pause: by then it may be given anew. */
function useLater(fast: boolean) {
  const waits = useRef<{ timer: number; act: () => void } | null>(null);
  const flush = () => {
    const due = waits.current;
    if (due === null) return;
    clearTimeout(due.timer);
    waits.current = null;
    due.act();
  };
  const later = (act: () => void) => {
    if (waits.current !== null) clearTimeout(waits.current.timer);
    waits.current = { timer: window.setTimeout(flush, PAUSE_MS), act };
    if (fast) flush();
  };
  useEffect(() => () => clearTimeout(waits.current?.timer), []);
  return { later, flush };
}

/** A field with a fault is in sight, so that the browser can say the fault at it. */
function unfolded(event: Event): void {
  const around = (event.target as Element).closest("details");
  if (around) around.open = true;
}

/** The hyperparameters as far as the lines can show them. */
function spaceOf(request: Request): Record<string, Record<string, Json>> {
  const space = request.hyperparameters;
  if (space === null || typeof space !== "object" || Array.isArray(space)) return {};
  return Object.fromEntries(Object.entries(space).map(([name, form]) => [name, form !== null && typeof form === "object" && !Array.isArray(form) ? form : {}]));
}

/** Another request needs another key, or the service would refuse it. */
function hash(text: string): string {
  let found = 5381;
  for (let place = 0; place < text.length; place += 1) found = ((found * 33) ^ text.charCodeAt(place)) >>> 0;
  return found.toString(36);
}

interface Aliases {
  aliases: string[];
  commands: boolean;
}

/** What training code may be here; anything if the service does not say. */
async function aliasesOf(): Promise<Aliases> {
  try {
    return await get<Aliases>("api/aliases");
  } catch (fault) {
    console.warn(fault);
    return { aliases: [], commands: true };
  }
}

type Choices = Record<string, Choice[]>;

/** The algorithms and the stopping rules; none if they cannot be listed. */
async function choicesOf(): Promise<Choices> {
  try {
    const { algorithms, early_stopping } = await get<{ algorithms: Choice[]; early_stopping: Choice[] }>("api/algorithms");
    return { hpo_algorithm: algorithms, early_stopping };
  } catch (fault) {
    console.warn(fault);
    return {};
  }
}

interface Begun {
  schema: Schema;
  begun: Request;
  choices: Choices;
  known: Aliases;
}

/** What the form needs. All comes before it is shown, so that no field changes under a person's hands. */
function useBegun(namespace: string, from: string | undefined): { found: Begun | null; fault: unknown } {
  const [state, set] = useState<{ found: Begun | null; fault: unknown }>({ found: null, fault: null });
  useEffect(() => {
    const source = from === undefined ? null : get<Experiment>(pathOf(namespace, `experiments/${from}`));
    Promise.all([get<Schema>("api/schema"), source, choicesOf(), aliasesOf()])
      .then(([schema, experiment, choices, known]) => set({ found: { schema, begun: experiment ? cloned(experiment.spec, schema) : EMPTY, choices, known }, fault: null }))
      .catch((fault: unknown) => set((old) => ({ ...old, fault })));
  }, [namespace, from]);
  return state;
}
