// The shell: one page at a time, by the address.

import { useEffect } from "preact/hooks";
import { Compare } from "./compare/page";
import { ExperimentPage } from "./experiment/page";
import { useRoute } from "./hooks";
import { List } from "./list/list";
import { Fault } from "./parts/message";
import { PersonContext, usePerson } from "./rights";
import { COMPARE, NEW } from "./route";
import { Header } from "./shell/header";
import { LazySubmit } from "./submit/lazy";

/** `fault` is what went wrong with a sign-in that the browser came back from. */
export function App({ fault }: { fault: unknown }) {
  const route = useRoute();
  const { namespace, name } = route;
  useEffect(() => {
    const title = name === NEW ? "New experiment" : name === COMPARE ? "Comparison" : (name ?? "Experiments");
    document.title = `${title} · Tunelet`;
  }, [name]);
  const { person, refusal } = usePerson(namespace);
  return (
    <PersonContext.Provider value={person}>
      <a class="skip" href="#main" onClick={skip}>Skip to content</a>
      <Header route={route} known={refusal === null} />
      {fault !== null && <Fault fault={fault} />}
      <main id="main" tabIndex={-1}>
        {refusal !== null ? <><h1 class="hidden">Tunelet</h1><Fault fault={refusal} /></> : name === COMPARE ? <Compare key={namespace} route={route} /> : name === NEW ? <LazySubmit route={route} /> : name === null ? <List key={namespace} route={route} /> : <ExperimentPage key={`${namespace}/${name}`} route={route} />}
      </main>
    </PersonContext.Provider>
  );
}

function skip(event: Event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
