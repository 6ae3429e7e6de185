// What went wrong, or what there is to know, in a box.

import { Problem } from "../api";
import { SignIn } from "./sign-in";

export function Fault({ fault, retry }: { fault: unknown; retry?: () => void }) {
  if (fault instanceof Problem && fault.status === 401) return <div class="note asks" role="alert"><SignIn problem={fault} done={retry} /></div>;
  const errors = fault instanceof Problem ? fault.errors : [];
  const text = fault instanceof Problem ? unrepeated(fault) : String(fault);
  return (
    <div class="note fault" role="alert">
      {text !== "" && <p>{text}</p>}
      {errors.length > 0 && (
        <ul>{errors.map((each) => <li key={each.field}><b>{each.field}</b> {each.message}: {each.remedy}</li>)}</ul>
      )}
      {retry && <button type="button" onClick={retry}>Try again</button>}
    </div>
  );
}

/** The message without the first error, which the list of errors says again. */
function unrepeated({ message, errors: [first] }: Problem): string {
  if (!first) return message;
  const repeated = `${first.field}: ${first.message}`;
  return message === repeated ? "" : message.replace(`; ${repeated}`, "");
}
