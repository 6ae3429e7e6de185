// Who is signed in. Tokens are in this page's memory only, where no other page can read them: not in
// storage, not in a cookie. So nothing is sent by itself for a request that another page makes.

/** What the service gives for a code or a refresh token. */
export interface Tokens {
  token: string;
  expires_in: number;
  refresh_token: string | null;
}

/** Seconds before its end in which a token is renewed; of one that lives shortly, the second half of its life. */
const EARLY = 30;

let token: string | null = null;
let refresh: string | null = null;
let renewAt = Infinity;
let renewal: Promise<boolean> | null = null;
const listeners = new Set<() => void>();

/** Send this token with each request, until it ends or another one comes. */
export function signIn(given: string): void {
  refresh = null;
  keep({ token: given, expires_in: Infinity, refresh_token: null });
}

export function keep(given: Tokens, now = Date.now()): void {
  token = given.token;
  refresh = given.refresh_token ?? refresh;
  renewAt = now + Math.max(given.expires_in - EARLY, given.expires_in / 2) * 1000;
  for (const listener of listeners) listener();
}

/** Call `listener` after each sign-in and renewal. Returns what ends that. */
export function onSignIn(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export function signedIn(): boolean {
  return token !== null;
}

/** The header to send; a token that ends soon is renewed before. */
export async function authorization(now = Date.now()): Promise<Record<string, string>> {
  if (refresh !== null && now >= renewAt) await renew();
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

/** Renew the token, once for all that wait. False if that is not possible. */
export function renew(): Promise<boolean> {
  renewal ??= renewed().finally(() => (renewal = null));
  return renewal;
}

async function renewed(): Promise<boolean> {
  const used = refresh;
  if (used === null) return false;
  const body = JSON.stringify({ refresh_token: used });
  try {
    const answer = await fetch("api/login/token", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const found = answer.ok ? ((await answer.json()) as Tokens) : null;
    // Meanwhile the person may have signed in as another, whom the answer is not about.
    if (refresh !== used) return true;
    if (found) keep(found);
    // An issuer that refuses has ended the sign-in; one that does not answer may answer later.
    else if (answer.status < 500) refresh = null;
    return answer.ok;
  } catch {
    return false;
  }
}
