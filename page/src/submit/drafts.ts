// What is written into forms and not submitted yet: in this page's memory only, until its tab is closed or loaded
// again. The browser asks before that.

import type { Request } from "./schema";
import { requestOf, textOf } from "./yaml";

export interface Draft {
  request: Request;
  /** The YAML as a person writes it; unset if the fields were written in. */
  text?: string;
}

const drafts = new Map<string, Draft>();

/** Each namespace has a draft for a new experiment, and one for each experiment that is cloned. */
export function placeOf(namespace: string, from: string | undefined): string {
  return JSON.stringify([namespace, from ?? null]);
}

export function draftAt(place: string): Draft | undefined {
  return drafts.get(place);
}

export function keep(place: string, draft: Draft): void {
  drafts.set(place, draft);
  if (typeof window !== "undefined") window.addEventListener("beforeunload", ask);
}

export function forget(place: string): void {
  drafts.delete(place);
  if (drafts.size === 0 && typeof window !== "undefined") window.removeEventListener("beforeunload", ask);
}

function ask(event: Event): void {
  event.preventDefault();
}

/** What a form begins with: the request, its YAML, and why that is none. */
export function begunWith({ request, text }: Draft): { request: Request; text: string; wrong: string | null } {
  if (text === undefined) return { request, text: textOf(request), wrong: null };
  const { value, fault = null } = requestOf(text);
  return { request: value ?? request, text, wrong: fault };
}
