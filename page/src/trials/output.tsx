// The output of a trial, followed while it runs: each time only what is new is asked for.

import { useEffect, useRef, useState } from "preact/hooks";
import { address, pathOf, Problem, request } from "../api";
import type { Trial } from "../documents";
import { usePolling } from "../hooks";
import { Copied } from "../parts/copied";
import { tunelet } from "./command";
import { shown } from "./terminal";

/** What is read and kept: of a longer output, its end. */
const MOST = 200_000;

export function Output({ namespace, name, trial }: { namespace: string; name: string; trial: Trial }) {
  const [attempt, setAttempt] = useState(trial.attempt);
  const running = trial.finished_at === null && attempt === trial.attempt;
  const which = attempt === trial.attempt ? [] : ["--attempt", String(attempt)];
  return (
    <>
      {trial.attempt > 1 && (
        <label class="choice">Attempt{" "}
          <select value={attempt} onChange={(event) => setAttempt(Number(event.currentTarget.value))}>
            {Array.from({ length: trial.attempt }, (_, index) => <option key={index} value={index + 1}>{index + 1}</option>)}
          </select>
        </label>
      )}
      <Text key={attempt} path={pathOf(namespace, `experiments/${name}/trials/${trial.number}/logs?attempt=${attempt}`)} running={running} />
      {address() !== null && <Copied text={tunelet(namespace, "logs", name, `${trial.number}`, ...which)} />}
    </>
  );
}

function Text({ path, running }: { path: string; running: boolean }) {
  const [text, set] = useState<string | null>(null);
  const [said, say] = useState<string | null>(null);
  const [cut, setCut] = useState(false);
  const place = useRef({ bytes: -1, decoder: new TextDecoder() });
  const box = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  usePolling(async () => {
    try {
      let part;
      do {
        part = await read(path, place.current.bytes);
        if (place.current.bytes < 0 && part.from > 0) setCut(true);
        place.current.bytes = part.to;
        const added = place.current.decoder.decode(part.data, { stream: true });
        set((old) => `${old ?? ""}${added}`.slice(-MOST));
      } while (part.more);
      say(null);
    } catch (fault) {
      say(fault instanceof Problem ? fault.message : String(fault));
    }
    return running;
  }, running ? 2 : 3600, `${path} ${running}`);
  useEffect(() => {
    const element = box.current;
    // Not while an earlier line is being read.
    if (element && follows.current) element.scrollTop = element.scrollHeight;
  }, [text]);
  const scrolled = ({ currentTarget: { scrollTop, clientHeight, scrollHeight } }: { currentTarget: HTMLElement }) => {
    follows.current = scrollTop + clientHeight > scrollHeight - 8;
  };
  if (!text) return <p class="faint">{said ?? (text === null ? "Reading…" : "Nothing has been written.")}</p>;
  return (
    <>
      {cut && <p class="faint">The end of the output; the command below shows all of it.</p>}
      <pre class="output" ref={box} tabIndex={0} aria-label="Output of the trial" onScroll={scrolled}>{shown(text)}</pre>
    </>
  );
}

interface Part {
  data: ArrayBuffer;
  /** The bytes before it, and up to its end. */
  from: number;
  to: number;
  /** Whether there is more already. */
  more: boolean;
}

/** The output from a byte on, nothing if there is no more; before the first byte: its end. */
async function read(path: string, from: number): Promise<Part> {
  try {
    const answer = await request(path, { headers: { Range: from < 0 ? `bytes=-${MOST}` : `bytes=${from}-` } });
    const data = await answer.arrayBuffer();
    const range = answer.headers.get("Content-Range") ?? "";
    const begin = Number(/^bytes (\d+)-/.exec(range)?.[1] ?? Math.max(0, from));
    return { data, from: begin, to: begin + data.byteLength, more: range.endsWith("/*") };
  } catch (fault) {
    if (!(fault instanceof Problem && fault.status === 416)) throw fault;
    return { data: new ArrayBuffer(0), from: Math.max(0, from), to: Math.max(0, from), more: false };
  }
}
