// Who is signed in, and what they may do in the namespace.

import { signedIn } from "../session";
import type { Person, Resource } from "../rights";

const RESOURCES: readonly [Resource, string][] = [["experiments", "experiments"], ["trials", "trials"], ["deadletters", "undelivered events"]];

export function Who({ person, namespace }: { person: Person; namespace: string }) {
  const { actor, rights } = person;
  return (
    <details class="who">
      <summary title="Who you are here">{actor.name}</summary>
      <div class="panel">
        <p>You are <b>{actor.name}</b>{actor.groups.length > 0 && <>, in {actor.groups.join(", ")}</>}.</p>
        <p class="faint">In the namespace {namespace} you may</p>
        <dl>{RESOURCES.map(([resource, title]) => <div key={resource}><dt>{title}</dt><dd>{rights[resource]?.join(", ") || "nothing"}</dd></div>)}</dl>
        {signedIn() && <button type="button" onClick={() => location.reload()}>Sign out</button>}
      </div>
    </details>
  );
}
