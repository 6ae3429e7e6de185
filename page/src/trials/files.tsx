// The files that a trial has kept in its checkpoint, to be downloaded.

import { useEffect, useState } from "preact/hooks";
import { get, pathOf, Problem, request } from "../api";
import { signedIn } from "../session";
import { nameOf, save } from "./save";

interface Listed {
  artifacts: string[];
  next: string | null;
}

/** `round` changes when there may be new files. Nothing is shown without files. */
export function Files({ namespace, name, number, round }: { namespace: string; name: string; number: number; round: string }) {
  const [listed, set] = useState<Listed | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const of = pathOf(namespace, `experiments/${name}/trials/${number}`);
  useEffect(() => {
    const stop = new AbortController();
    get<Listed>(`${of}/artifacts`, stop.signal)
      .then((found) => (set(found), setFault(null)))
      // Before its first attempt a trial has no list.
      .catch((problem: Error) => stop.signal.aborted || setFault(problem instanceof Problem && problem.status === 404 ? null : problem.message));
    return () => stop.abort();
  }, [of, round]);
  if (fault !== null) return <p class="faint">{fault}</p>;
  if (!listed?.artifacts.length) return null;
  return (
    <section>
      <h3>Files of the checkpoint</h3>
      <ul class="files">{listed.artifacts.map((file) => <li key={file}><Download path={`${of}/artifact?name=${encodeURIComponent(file)}`} file={file} /></li>)}</ul>
      {listed.next !== null && <p class="faint">And more</p>}
    </section>
  );
}

/** A link; where a token has to be sent with the request, it fetches the file first. */
function Download({ path, file }: { path: string; file: string }) {
  const [said, say] = useState<string | null>(null);
  const fetched = async (event: Event) => {
    if (!signedIn()) return;
    event.preventDefault();
    say("…");
    try {
      save(await (await request(path)).blob(), file);
      say(null);
    } catch (fault) {
      say((fault as Error).message);
    }
  };
  return <><a href={path} download={nameOf(file)} onClick={fetched}>{file}</a> {said && <span class="faint" role="status">{said}</span>}</>;
}
