// A change of the budget, and of what else may change after the start. Only fields that were changed are sent.

import { useEffect, useState } from "preact/hooks";
import { get, pathOf, send } from "../api";
import type { Followed } from "../data/follow";
import type { Spec } from "../documents";
import { Dialog } from "../parts/dialog";
import { described, Faults, faultsOf } from "../parts/faults";
import { NumberInput } from "../submit/number";
import { tunelet } from "../trials/command";

interface Term {
  label: string;
  option: string;
  integer: boolean;
  unset: string;
}

const NUMBERS: Record<string, Term> = {
  max_trials: { label: "Trials", option: "--max-trials", integer: true, unset: "" },
  parallel_trials: { label: "Trials at a time", option: "--parallel-trials", integer: true, unset: "" },
  max_failed_trials: { label: "Failed trials to tolerate", option: "--max-failed-trials", integer: true, unset: "no limit" },
  give_up_after: { label: "Equal failures at the start to give up after", option: "--give-up-after", integer: true, unset: "never" },
  max_seconds: { label: "Seconds", option: "--max-seconds", integer: false, unset: "no limit" },
  max_cost: { label: "Cost", option: "--max-cost", integer: false, unset: "no limit" },
  ttl_seconds_after_finished: { label: "Seconds from its end until it is deleted", option: "--ttl", integer: false, unset: "never deleted" },
};
const ALGORITHM = "hpo_algorithm";
const RULES = "early_stopping";
const FIELDS = [...Object.keys(NUMBERS), ALGORITHM, RULES];

export type Terms = Record<string, number | string | string[] | null>;

/** The fields that were changed. An emptied limit is removed; an emptied number that must be there stays as it is, which the dialog says. */
export function changesOf(spec: Spec, values: Record<string, number | undefined>, algorithm: string, rules: string): Terms {
  const numbers = Object.entries(NUMBERS).flatMap(([field, { unset }]) => {
    const value = values[field] ?? (unset === "" ? undefined : null);
    return value === undefined || value === (spec[field] ?? null) ? [] : [[field, value] as const];
  });
  return {
    ...Object.fromEntries(numbers),
    ...(algorithm === "" || algorithm === spec.hpo_algorithm.name ? {} : { [ALGORITHM]: algorithm }),
    ...(rules.trim() === rulesOf(spec) ? {} : { [RULES]: rules.split(",").map((each) => each.trim()).filter(Boolean) }),
  };
}

/** The options of `tunelet extend` for them. */
export function optionsOf(changes: Terms): string[] {
  return Object.entries(changes).flatMap(([field, value]) => {
    if (Array.isArray(value)) return (value.length ? value : ["none"]).flatMap((rule) => ["--early-stopping", rule]);
    return [NUMBERS[field]?.option ?? "--algorithm", value === null ? "none" : String(value)];
  });
}

/** The names of the rules, as the dialog shows them. */
function rulesOf({ early_stopping: rules }: Spec): string {
  return rules.map(({ name }) => name).join(", ");
}

export function Extend({ followed: { experiment }, close, done }: { followed: Followed; close: () => void; done: () => void }) {
  const { namespace, name } = experiment;
  // Another person may change it meanwhile.
  const [spec] = useState(experiment.spec);
  const [values, set] = useState<Record<string, number | undefined>>(() => Object.fromEntries(Object.keys(NUMBERS).map((field) => [field, numberAt(spec, field)])));
  const [algorithm, choose] = useState(spec.hpo_algorithm.name);
  const [rules, setRules] = useState(rulesOf(spec));
  const names = useNames();
  const changes = changesOf(spec, values, algorithm.trim(), rules);
  const act = async () => {
    await send("PATCH", pathOf(namespace, `experiments/${name}`), changes);
    done();
  };
  return (
    <Dialog title={`Extend ${name}`} verb="Extend" ready={Object.keys(changes).length > 0} command={tunelet(namespace, "extend", name, ...optionsOf(changes))} act={act} close={close}
      at={(error) => FIELDS.some((field) => faultsOf([error], field).length > 0)}>
      {(errors) => {
        const at = (field: string, label: string) => faultsOf(errors, field).map((error) => ({ ...error, field: label }));
        const named = (field: string, label: string, value: string, write: (text: string) => void, known: readonly string[]) => {
          const [found, id] = [at(field, label), `extend-${field}`];
          return (
            <div>
              <label class="field">{label}
                <input value={value} list={`${id}-list`} spellcheck={false} autocomplete="off" {...described(found, id)} onInput={(event) => write(event.currentTarget.value)} />
              </label>
              <datalist id={`${id}-list`}>{known.map((each) => <option key={each} value={each} />)}</datalist>
              <Faults faults={found} id={id} />
            </div>
          );
        };
        return (
          <>
            <p>An experiment that has spent its budget continues.</p>
            {Object.entries(NUMBERS).map(([field, { label, integer, unset }]) => {
              const [found, id, before] = [at(field, label), `extend-${field}`, numberAt(spec, field)];
              return (
                <div key={field}>
                  <label class="field">{label}
                    <NumberInput integer={integer} value={values[field]} placeholder={unset} {...described(found, id)} set={(value) => set((old) => ({ ...old, [field]: value }))} />
                  </label>
                  {unset === "" && values[field] === undefined && before !== undefined && <p class="hint">Without a number it stays {before}.</p>}
                  <Faults faults={found} id={id} />
                </div>
              );
            })}
            {named(ALGORITHM, "Algorithm", algorithm, choose, names.algorithms)}
            {named(RULES, "Early stopping", rules, setRules, names.early_stopping)}
            {rules !== rulesOf(spec) && <p class="hint">These rules have their usual settings, with commas between them. Nothing: no rule.</p>}
          </>
        );
      }}
    </Dialog>
  );
}

function numberAt(spec: Spec, field: string): number | undefined {
  const value = spec[field];
  return typeof value === "number" ? value : undefined;
}

type Known = Record<"algorithms" | "early_stopping", string[]>;

/** The installed algorithms and the rules, to choose from; none if they cannot be listed. */
function useNames(): Known {
  const [known, set] = useState<Known>({ algorithms: [], early_stopping: [] });
  useEffect(() => {
    get<Record<keyof Known, { name: string; installed: boolean }[]>>("api/algorithms")
      .then(({ algorithms, early_stopping }) => set({ algorithms: installed(algorithms), early_stopping: installed(early_stopping) }))
      .catch((fault: unknown) => console.warn(fault));
  }, []);
  return known;
}

function installed(all: readonly { name: string; installed: boolean }[]): string[] {
  return all.filter((each) => each.installed).map(({ name }) => name);
}
