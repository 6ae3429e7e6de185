// The labels of an experiment, a line each. Only those that were changed are sent.

import { useState } from "preact/hooks";
import { pathOf, send } from "../api";
import type { Followed } from "../data/follow";
import { Dialog } from "../parts/dialog";
import { described, Faults } from "../parts/faults";
import { tunelet } from "../trials/command";

type Labels = Record<string, string>;

export function EditLabels({ followed: { experiment, overview }, close, done }: { followed: Followed; close: () => void; done: () => void }) {
  const { namespace, name } = experiment;
  const [before] = useState(overview.labels);
  const [text, set] = useState(() => Object.entries(before).map(([key, value]) => `${key}=${value}\n`).join(""));
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const wrong = lines.find((line) => line.indexOf("=") < 1);
  const changes = wrong === undefined ? changesOf(before, labelsOf(lines)) : {};
  const words = Object.entries(changes).map(([key, value]) => (value === null ? `${key}-` : `${key}=${value}`));
  const act = async () => {
    await send("PATCH", pathOf(namespace, `experiments/${name}/labels`), changes);
    done();
  };
  return (
    <Dialog title={`Labels of ${name}`} verb="Save" command={tunelet(namespace, "label", name, ...words)} ready={words.length > 0} act={act} close={close} at={() => true}>
      {(errors) => {
        const faults = wrong === undefined ? errors : [{ field: wrong, value: wrong, message: "has no =", remedy: "write name=value" }];
        return (
          <>
            <label class="field tall">A label a line, such as team=vision
              <textarea value={text} rows={6} spellcheck={false} {...described(faults, "labels")} onInput={(event) => set(event.currentTarget.value)} />
            </label>
            <Faults faults={faults} id="labels" />
          </>
        );
      }}
    </Dialog>
  );
}

function labelsOf(lines: string[]): Labels {
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1).trim()]));
}

/** New values by name; null where a label is gone. */
function changesOf(before: Labels, after: Labels): Record<string, string | null> {
  const gone = Object.keys(before).filter((key) => !(key in after)).map((key) => [key, null] as const);
  return Object.fromEntries([...Object.entries(after).filter(([key, value]) => before[key] !== value), ...gone]);
}
