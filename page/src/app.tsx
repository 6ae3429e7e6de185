// The shell: one page at a time, by the address.

import { useEffect } from "preact/hooks";
import { ExperimentPage } from "./experiment/page";
import { useRoute } from "./hooks";
import { List } from "./list/list";
import { Header } from "./shell/header";

export function App() {
  const route = useRoute();
  const { namespace, name } = route;
  useEffect(() => {
    document.title = name ? `${name} · Tunelet` : "Experiments · Tunelet";
  }, [name]);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>Skip to content</a>
      <Header route={route} />
      <main id="main" tabIndex={-1}>
        {name === null ? <List key={namespace} route={route} /> : <ExperimentPage key={`${namespace}/${name}`} route={route} />}
      </main>
    </>
  );
}

function skip(event: Event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
