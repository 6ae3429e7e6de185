// Where the service wants to know who asks: sign in at its issuer, or paste a token. It says where to get one,
// in words for a browser: the service's own remedy is for programs and terminals.

import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../api";
import { signedIn, signIn } from "../session";
import { begin, issuer } from "../sign-in";

/** Milliseconds until an issuer that did not answer is asked for again. */
const AGAIN = 3_000;

type Settings = Awaited<ReturnType<typeof issuer>>;

export function SignIn({ problem, done }: { problem: Problem; done?: (() => void) | undefined }) {
  const [token, set] = useState("");
  const [settings, setSettings] = useState<Settings>(null);
  const [fault, setFault] = useState("");
  const failed = (problem: unknown) => setFault(problem instanceof Error ? problem.message : String(problem));
  useEffect(() => {
    let timer = 0;
    const ask = () => void issuer().then((found) => (setSettings(found), setFault(""))).catch((problem: unknown) => {
      failed(problem);
      timer = window.setTimeout(ask, AGAIN);
    });
    ask();
    return () => clearTimeout(timer);
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    signIn(token.trim());
    done?.();
  };
  return (
    <form class="sign-in" onSubmit={submit}>
      <h2>Sign in</h2>
      <p>This service shows its experiments only to people it knows.</p>
      {signedIn() && <p class="wrong">You are not signed in: {problem.message}.</p>}
      {settings && (
        <>
          <button type="button" class="primary" onClick={() => void begin(settings).catch(failed)}>Sign in at {new URL(settings.authorization_endpoint).host}</button>
          <p class="faint">with your account there, or use a token:</p>
        </>
      )}
      <label>Token <input type="password" value={token} autocomplete="off" onInput={(event) => set(event.currentTarget.value)} /></label>
      <button type="submit" class={settings ? "" : "primary"} disabled={token.trim() === ""}>Use the token</button>
      {fault && <p class="wrong">{fault}</p>}
      <p class="faint">A token is a text by which the service knows you. Ask the people who run this service for one. The page forgets it when you close or reload it.</p>
    </form>
  );
}
