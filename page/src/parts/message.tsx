// What went wrong, or what there is to know, in a box.

import { Problem } from "../api";
import { SignIn } from "./sign-in";

export function Fault({ fault, retry }: { fault: unknown; retry?: () => void }) {
  if (fault instanceof Problem && fault.status === 401) return <div class="note asks" role="alert"><SignIn problem={fault} done={retry} /></div>;
  const text = fault instanceof Problem ? fault.message : String(fault);
  const errors = fault instanceof Problem ? fault.errors : [];
  return (
    <div class="note fault" role="alert">
      <p>{text}</p>
      {errors.length > 0 && (
        <ul>{errors.map((each) => <li key={each.field}><b>{each.field}</b> {each.message}: {each.remedy}</li>)}</ul>
      )}
      {retry && <button type="button" onClick={retry}>Try again</button>}
    </div>
  );
}
