// The form is loaded when it is asked for: its YAML is as large as the rest of the page.

import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Route } from "../route";

export function LazySubmit({ route }: { route: Route }) {
  const [form, set] = useState<{ view: FunctionComponent<{ route: Route }> } | null>(null);
  const [absent, setAbsent] = useState(false);
  useEffect(() => {
    import("./submit").then(({ Submit }) => set({ view: Submit })).catch((problem: unknown) => {
      console.warn(problem);
      setAbsent(true);
    });
  }, []);
  if (absent) return <Absent />;
  return form ? <form.view key={route.query.from} route={route} /> : <p class="note faint" role="status">Reading…</p>;
}

/** An upgraded service has the form under another name. */
function Absent() {
  return (
    <div class="note fault" role="alert">
      <p>The form could not be loaded. The service has another version since this page was loaded, or it does not answer.</p>
      <button type="button" onClick={() => location.reload()}>Load the page again</button>
    </div>
  );
}
