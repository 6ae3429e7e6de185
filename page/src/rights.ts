// What the person may do in a namespace, so that the page offers nothing else.

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { get, pathOf } from "./api";
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

/** Who is signed in, and their rights in the namespace. */
export function usePerson(namespace: string): Person | null {
  const [person, set] = useState<Person | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => onSignIn(() => setRound((old) => old + 1)), []);
  useEffect(() => {
    const stop = new AbortController();
    read(namespace, stop.signal).then(set).catch(() => stop.signal.aborted || set(null));
    return () => stop.abort();
  }, [namespace, round]);
  return person;
}

async function read(namespace: string, signal: AbortSignal): Promise<Person | null> {
  const actor = await get<Actor>("api/whoami", signal);
  if (actor.name === null) return null;
  const { rights } = await get<{ rights: Rights }>(pathOf(namespace, "rights"), signal);
  return { actor, rights };
}
