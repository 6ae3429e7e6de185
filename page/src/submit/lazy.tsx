// The form is loaded when it is asked for: its YAML is as large as the rest of the page.

import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Fault } from "../parts/message";
import type { Route } from "../route";

export function LazySubmit({ route }: { route: Route }) {
  const [form, set] = useState<{ view: FunctionComponent<{ route: Route }> } | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  useEffect(() => {
    import("./submit").then(({ Submit }) => set({ view: Submit })).catch(setFault);
  }, []);
  if (fault !== null) return <Fault fault={fault} />;
  return form ? <form.view key={route.query.from} route={route} /> : <p class="note faint" role="status">Reading…</p>;
}
