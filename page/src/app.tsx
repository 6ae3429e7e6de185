// The shell: one page at a time, by the address.

import { useEffect } from "preact/hooks";
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
        <List key={namespace} route={route} />
      </main>
    </>
  );
}

function skip(event: Event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
