// Where the service wants to know who asks: sign in at its issuer, or paste a token.

import { useEffect, useState } from "preact/hooks";
import { signIn } from "../session";
import { begin, issuer } from "../sign-in";

/** Milliseconds until an issuer that did not answer is asked for again. */
const AGAIN = 3_000;

type Settings = Awaited<ReturnType<typeof issuer>>;

export function SignIn({ done }: { done?: (() => void) | undefined }) {
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
      {settings && (
        <>
          <button type="button" class="primary" onClick={() => void begin(settings).catch(failed)}>Sign in at {new URL(settings.authorization_endpoint).host}</button>
          <span class="faint">or</span>
        </>
      )}
      <label>Token <input type="password" value={token} autocomplete="off" onInput={(event) => set(event.currentTarget.value)} /></label>
      <button type="submit" class={settings ? "" : "primary"} disabled={token.trim() === ""}>Use the token</button>
      {fault && <p class="wrong">{fault}</p>}
      <p class="faint">The page keeps it until you close or reload it, and nowhere else.</p>
    </form>
  );
}
