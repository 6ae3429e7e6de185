// What went wrong, or what there is to know, in a box.

import { useState } from "preact/hooks";
import { Problem, signIn } from "../api";

export function Fault({ fault, retry }: { fault: unknown; retry?: () => void }) {
  const text = fault instanceof Problem ? fault.message : String(fault);
  const errors = fault instanceof Problem ? fault.errors : [];
  return (
    <div class="note fault" role="alert">
      <p>{text}</p>
      {fault instanceof Problem && fault.status === 401 && <SignIn done={retry} />}
      {errors.length > 0 && (
        <ul>{errors.map((each) => <li key={each.field}><b>{each.field}</b> {each.message}: {each.remedy}</li>)}</ul>
      )}
      {retry && <button type="button" onClick={retry}>Try again</button>}
    </div>
  );
}

/** A field for a token, where the service wants to know who asks. */
function SignIn({ done }: { done?: (() => void) | undefined }) {
  const [token, set] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    signIn(token.trim());
    done?.();
  };
  return (
    <form class="sign-in" onSubmit={submit}>
      <label>Token <input type="password" value={token} autocomplete="off" onInput={(event) => set(event.currentTarget.value)} /></label>
      <button type="submit" class="primary" disabled={token.trim() === ""}>Sign in</button>
      <p class="faint">The page keeps it until you close or reload it, and nowhere else.</p>
    </form>
  );
}
