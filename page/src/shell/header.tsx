// The bar at the top: where one is, and the namespace.

import { useContext, useState } from "preact/hooks";
import { go } from "../hooks";
import { PersonContext, useMay } from "../rights";
import { COMPARE, format, NEW, type Route } from "../route";
import { seen } from "./seen";
import { Who } from "./who";

const NAME = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** `known`: whether the service knows the person, or wants no identity. */
export function Header({ route, known }: { route: Route; known: boolean }) {
  const { namespace, name } = route;
  const person = useContext(PersonContext);
  const may = useMay();
  return (
    <header class="bar">
      <a class="brand" href={format({ namespace, name: null, query: {} })}>
        <svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="7" class="mark" />
          <path d="M6 9c4 0 5 15 10 15s5-11 10-15" class="curve" />
          <circle cx="16" cy="24" r="3.2" class="dot" />
        </svg>
        Tunelet
      </a>
      <nav class="crumbs" aria-label="Place">
        <Namespace key={namespace} namespace={namespace} />
        {name && <span class="crumb" aria-current="page">{name === NEW ? "new" : name === COMPARE ? "comparison" : name}</span>}
      </nav>
      {name === null && known && may("create", "experiments") && <a class="button" href={format({ namespace, name: NEW, query: {} })}>New experiment</a>}
      {person && <Who person={person} namespace={namespace} />}
      <a class="quiet wide" href="api/docs">API</a>
    </header>
  );
}

/** The namespace in a field: another one is written in, or chosen from those that were seen. */
function Namespace({ namespace }: { namespace: string }) {
  const [text, set] = useState(namespace);
  const [known, setKnown] = useState<readonly string[]>([]);
  const right = text === "" || NAME.test(text);
  const turn = (to: string) => right && to !== "" && go({ namespace: to, name: null, query: {} });
  // Empty while one writes: a browser offers only what matches the text.
  const begin = () => {
    setKnown(seen().filter((each) => each !== namespace));
    set("");
  };
  const write = (event: InputEvent & { currentTarget: HTMLInputElement }) => {
    set(event.currentTarget.value);
    if (event.inputType === "insertReplacementText") turn(event.currentTarget.value); // one that was offered
  };
  return (
    <form class="namespace" onSubmit={(event) => (event.preventDefault(), turn(text))}>
      <label>
        <span class="hidden">Namespace</span>
        <input value={text} placeholder={namespace} size={Math.max(9, namespace.length, text.length)} spellcheck={false} autocomplete="off" aria-invalid={!right} list="namespaces"
          title="Namespace: choose or write another one, and press Enter" onFocus={begin} onBlur={() => set(namespace)} onInput={write} />
      </label>
      <datalist id="namespaces">{known.map((each) => <option key={each} value={each} />)}</datalist>
    </form>
  );
}
