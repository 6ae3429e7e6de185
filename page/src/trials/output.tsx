// The output of a trial, followed while it runs: each time only what is new is asked for.

import { useEffect, useRef, useState } from "preact/hooks";
import { pathOf, Problem, request } from "../api";
import type { Trial } from "../documents";
import { usePolling } from "../hooks";

/** What is kept: of a longer output, its end. */
const MOST = 200_000;

export function Output({ namespace, name, trial }: { namespace: string; name: string; trial: Trial }) {
  const [attempt, setAttempt] = useState(trial.attempt);
  const running = trial.finished_at === null && attempt === trial.attempt;
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
    </>
  );
}

function Text({ path, running }: { path: string; running: boolean }) {
  const [text, set] = useState<string | null>(null);
  const [said, say] = useState<string | null>(null);
  const place = useRef({ bytes: 0, decoder: new TextDecoder() });
  const box = useRef<HTMLPreElement>(null);
  usePolling(async () => {
    try {
      const part = await more(path, place.current.bytes);
      place.current.bytes += part.byteLength;
      const added = place.current.decoder.decode(part, { stream: true });
      set((old) => `${old ?? ""}${added}`.slice(-MOST));
      say(null);
    } catch (fault) {
      say(fault instanceof Problem ? fault.message : String(fault));
    }
    return running;
  }, running ? 2 : 3600, `${path} ${running}`);
  useEffect(() => {
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
  }, [text]);
  if (text) return <pre class="output" ref={box} tabIndex={0} aria-label="Output of the trial">{text}</pre>;
  return <p class="faint">{said ?? (text === null ? "Reading…" : "Nothing has been written.")}</p>;
}

/** The bytes from a place on; none if there are no more. */
async function more(path: string, from: number): Promise<ArrayBuffer> {
  try {
    return await (await request(path, { headers: { Range: `bytes=${from}-` } })).arrayBuffer();
  } catch (fault) {
    if (fault instanceof Problem && fault.status === 416) return new ArrayBuffer(0);
    throw fault;
  }
}
