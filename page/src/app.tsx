// The shell: one page at a time, by the address.

import { useEffect } from "preact/hooks";
import { ExperimentPage } from "./experiment/page";
import { useRoute } from "./hooks";
import { List } from "./list/list";
import { NEW } from "./route";
import { Header } from "./shell/header";

import { LazySubmit } from "./submit/lazy";

export function App() {
  const route = useRoute();
  const { namespace, name } = route;
  useEffect(() => {
    const title = name === NEW ? "New experiment" : (name ?? "Experiments");
    document.title = `${title} · Tunelet`;
  }, [name]);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>Skip to content</a>
      <Header route={route} />
      <main id="main" tabIndex={-1}>
        {name === NEW ? <LazySubmit route={route} /> : name === null ? <List key={namespace} route={route} /> : <ExperimentPage key={`${namespace}/${name}`} route={route} />}
      </main>
    </>
  );
}

function skip(event: Event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
