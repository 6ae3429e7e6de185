// What the person may do in a namespace, so that the page offers nothing else.

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { get, pathOf, Problem } from "./api";
import { onSignIn } from "./session";

export interface Actor {
  name: string | null;
  groups: string[];
  how: string;
}

export type Resource = "experiments" | "trials" | "deadletters";
export type Verb = "get" | "list" | "create" | "update" | "delete";
export type Rights = Partial<Record<Resource, readonly Verb[]>>;

export interface Person {
  actor: Actor;
  rights: Rights;
}

/** Null while it is not known, and where the service wants no identity: then all is offered. */
export const PersonContext = createContext<Person | null>(null);

/** Whether the page offers what needs this right. The service decides in the end. */
export function useMay(): (verb: Verb, resource: Resource) => boolean {
  const person = useContext(PersonContext);
  return (verb, resource) => person === null || (person.rights[resource]?.includes(verb) ?? false);
}

interface Known {
  person: Person | null;
  /** The service's answer to a person it does not know. */
  refusal: Problem | null;
}

const NOT_KNOWN: Known = { person: null, refusal: null };

/** Who is signed in, and their rights in the namespace. Asked for again after each sign-in. */
export function usePerson(namespace: string): Known {
  const [known, set] = useState(NOT_KNOWN);
  const [round, setRound] = useState(0);
  useEffect(() => onSignIn(() => setRound((old) => old + 1)), []);
  useEffect(() => {
    const stop = new AbortController();
    read(namespace, stop.signal)
      .then((person) => set({ person, refusal: null }))
      .catch((fault: unknown) => stop.signal.aborted || set({ person: null, refusal: fault instanceof Problem && fault.status === 401 ? fault : null }));
    return () => stop.abort();
  }, [namespace, round]);
  return known;
}

async function read(namespace: string, signal: AbortSignal): Promise<Person | null> {
  const actor = await get<Actor>("api/whoami", signal);
  if (actor.name === null) return null;
  const { rights } = await get<{ rights: Rights }>(pathOf(namespace, "rights"), signal);
  return { actor, rights };
}
