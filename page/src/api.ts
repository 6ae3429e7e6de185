// The service's API, by paths relative to the page, so that it works below any path of a proxy.

import { authorization, renew } from "./session";

export interface FieldError {
  field: string;
  value: unknown;
  message: string;
  remedy: string;
}

/** An answer that is not 2xx, or none at all (status 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly errors: readonly FieldError[] = [],
  ) {
    super(detail);
  }
}

/** The path of a namespace's resource, such as `experiments/digits`, relative to the page. */
export function pathOf(namespace: string, path: string): string {
  return namespace === "default" ? `api/${path}` : `api/namespaces/${encodeURIComponent(namespace)}/${path}`;
}

/** What answers in place of a service. Both raise a `Problem`. */
export interface Source {
  document: (path: string) => unknown;
  text: (path: string) => string;
}

let source: Source | null = null;

/** Send no requests from now on: a report has the answers in itself. */
export function answerFrom(given: Source): void {
  source = given;
}

/** The address of the service that this page is of, as its clients write it; null in a report. */
export function address(): string | null {
  return source ? null : new URL(".", location.origin + location.pathname).href.replace(/\/$/, "");
}

export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  if (source) return part(source.text(path), options.headers as Record<string, string> | undefined);
  let response = await sent(path, options);
  // The token may have been taken back before its time.
  if (response.status === 401 && (await renew())) response = await sent(path, options);
  if (!response.ok) throw await problem(response);
  return response;
}

async function sent(path: string, options: RequestInit): Promise<Response> {
  try {
    const headers = { ...(options.headers as Record<string, string>), ...(await authorization()) };
    return await fetch(path, { credentials: "same-origin", ...options, headers });
  } catch (fault) {
    if (options.signal?.aborted) throw fault;
    throw new Problem(0, "The service does not answer. Is it running?");
  }
}

/** What a service would answer to a request with this range: the bytes from a place on, or all. */
function part(text: string, headers: Record<string, string> = {}): Response {
  const from = Number(/=(\d+)-/.exec(headers.Range ?? "")?.[1] ?? 0);
  return new Response(new TextEncoder().encode(text).slice(from));
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  if (source) return source.document(path) as T;
  const response = await request(path, signal ? { signal } : {});
  return (await response.json()) as T;
}

export async function send<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T | null> {
  const options: RequestInit = { method, headers };
  if (body !== undefined) {
    options.headers = { ...headers, "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const response = await request(path, options);
  return response.status === 204 ? null : ((await response.json()) as T);
}

async function problem(response: Response): Promise<Problem> {
  try {
    const document = await response.json();
    return new Problem(response.status, document.detail ?? document.title, document.errors ?? []);
  } catch {
    return new Problem(response.status, `The service answered ${response.status}.`);
  }
}

/** The `after` of a link to the next page; null if there is no further page. */
export function afterOf(next: string | null): string | null {
  return next === null ? null : new URL(next, "http://page").searchParams.get("after");
}
