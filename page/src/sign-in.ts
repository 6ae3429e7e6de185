// Sign in at the service's issuer: the authorization code flow with PKCE (RFC 7636). The browser goes to
// the issuer and comes back with a code, which the service exchanges for tokens.

import { get, Problem, send } from "./api";
import { keep, type Tokens } from "./session";

interface Settings {
  authorization_endpoint: string;
  client_id: string;
  scope: string;
  audience: string;
}

/** What the page must know again when the browser comes back. It has no token, and is removed then. */
interface Begun {
  state: string;
  verifier: string;
  hash: string;
}

const KEY = "tunelet-sign-in";

/** The issuer's settings; null if the service names none. */
export async function issuer(): Promise<Settings | null> {
  try {
    return await get<Settings>("api/login/page");
  } catch (fault) {
    if (fault instanceof Problem && fault.status === 404) return null;
    throw fault;
  }
}

/** Send the browser to the issuer. */
export async function begin(settings: Settings): Promise<void> {
  if (!crypto.subtle) throw new Problem(0, "Signing in needs https, or a service on this machine. Use a token here.");
  const begun: Begun = { state: random(), verifier: random(), hash: location.hash };
  const address = await addressOf(settings, begun, back());
  sessionStorage.setItem(KEY, JSON.stringify(begun));
  location.assign(address);
}

/** The issuer's address with the question. Throws unless it is a web address. */
export async function addressOf(settings: Settings, { state, verifier }: Begun, redirect: string): Promise<string> {
  const url = new URL(settings.authorization_endpoint);
  if (!/^https?:$/.test(url.protocol)) throw new Problem(0, `${url.protocol} is no address to sign in at.`);
  const asked = {
    response_type: "code", client_id: settings.client_id, redirect_uri: redirect, scope: settings.scope, state,
    code_challenge: base64(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))), code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  if (settings.audience) url.searchParams.set("audience", settings.audience);
  return url.href;
}

/**
 * Finish a sign-in if the browser comes back from the issuer, at once with the address as it was
 * before. Throws if it was refused, or not begun in this tab: another page may have sent the browser.
 */
export async function finish(): Promise<void> {
  const given = new URLSearchParams(location.search);
  if (!given.has("state") || !(given.has("code") || given.has("error"))) return;
  const begun = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Begun | null;
  sessionStorage.removeItem(KEY);
  history.replaceState(null, "", `${location.pathname}${begun?.hash ?? location.hash}`);
  const code = codeOf(given, begun);
  keep((await send<Tokens>("POST", "api/login/token", { code, code_verifier: begun?.verifier, redirect_uri: back() })) as Tokens);
}

/** The code. Throws if the issuer's answer is none to what was begun. */
export function codeOf(given: URLSearchParams, begun: { state: string } | null): string {
  if (begun === null || given.get("state") !== begun.state) throw new Problem(0, "This sign-in was not begun in this tab. Sign in again.");
  const code = given.get("code");
  if (code === null) throw new Problem(0, `You are not signed in: the issuer answers ${given.get("error")}.`);
  return code;
}

/** The page's own address, which is registered at the issuer. */
function back(): string {
  return `${location.origin}${location.pathname}`;
}

function random(): string {
  return base64(crypto.getRandomValues(new Uint8Array(32)).buffer);
}

function base64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
