// What runs for each trial: an image or its alias, a command of the service's machine, or anything else as YAML.

import type { FieldError } from "../api";
import { faultsOf, Faults } from "../parts/faults";
import { line } from "../trials/command";
import { Yaml } from "./field";
import { changed, type Json, type Request } from "./schema";
import { commandOf, shellSign, shellWords, wordsOf } from "./words";
import { useRound, useWritten } from "./written";

const NAME = "model_training_code";
const ID = `field-${NAME}`;
const KINDS = { image: "an image, or its alias", command: "a command", other: "as YAML" };
type Kind = keyof typeof KINDS;

interface Props {
  round: number;
  value: Json | undefined;
  set: (value: Json | undefined) => void;
  errors: readonly FieldError[];
  aliases: readonly string[];
  /** Whether the service takes a command without an image. */
  commands: boolean;
}

/** The kind of field that can hold all of the training code. */
export function kindOf(value: Json | undefined): Kind {
  if (value === undefined || value === null || typeof value === "string") return "image";
  if (typeof value !== "object" || Array.isArray(value)) return "other";
  const names = Object.keys(value);
  const { command, workdir } = value;
  const words = Array.isArray(command) && command.every((each) => typeof each === "string");
  return words && names.every((each) => each === "command" || each === "workdir") && (workdir === undefined || typeof workdir === "string") ? "command" : "other";
}

/** The same training code in another kind of field, as far as that can hold it. */
export function turned(value: Json | undefined, kind: Kind): Json {
  if (kind === "other") return value ?? "";
  const { command, workdir, image } = value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
  if (kind === "image") return typeof value === "string" ? value : typeof image === "string" ? image : Array.isArray(command) ? line(...command.map(String)) : "";
  const words = typeof value === "string" ? (shellSign(value) === null ? wordsOf(value).value ?? [] : shellWords(value)) : Array.isArray(command) ? command : [];
  return { command: words, ...(workdir === undefined ? {} : { workdir }) };
}

/** The kinds to choose from: no command where the service takes none, unless one is there. */
export function offered(kind: Kind, commands: boolean): Kind[] {
  return (Object.keys(KINDS) as Kind[]).filter((each) => each !== "command" || commands || kind === "command");
}

export function Code({ round, value, set, errors, aliases, commands }: Props) {
  const [kind, setKind] = useRound<Kind>(round, () => kindOf(value));
  const faults = faultsOf(errors, NAME);
  const common = { id: ID, "aria-invalid": faults.length > 0, "aria-describedby": `${ID}-hint${faults.length ? ` ${ID}-fault` : ""}` };
  const turn = (next: Kind) => {
    setKind(next);
    if (!(next === "other" && value === undefined)) set(turned(value, next));
  };
  return (
    <>
      <div class="entry">
        <label for={ID}>Model training code</label>
        <div class="code">
          <select aria-label="Kind of training code" value={kind} onChange={(event) => turn(event.currentTarget.value as Kind)}>
            {offered(kind, commands).map((each) => <option key={each} value={each}>{KINDS[each]}</option>)}
          </select>
          {kind === "image" && <Image common={common} value={value} set={set} aliases={aliases} command={commands ? () => turn("command") : null} />}
          {kind === "command" && <Command common={common} value={value} set={set} />}
          {kind === "other" && <Yaml common={common} value={value} set={set} />}
        </div>
        <p class="hint" id={`${ID}-hint`}>{HINTS[kind]}</p>
        <Faults faults={faults.filter(({ field }) => kind !== "command" || field !== `${NAME}.workdir`)} id={ID} />
      </div>
      {kind === "command" && <Folder value={value} set={set} faults={faults.filter(({ field }) => field === `${NAME}.workdir`)} />}
    </>
  );
}

const HINTS: Record<Kind, string> = {
  image: "Runs for each trial, with an argument --name=value for each hyperparameter.",
  command: "Such as python train.py. Runs on the service's machine for each trial, with an argument --name=value for each hyperparameter.",
  other: "An image with its settings, a Kubernetes manifest, or workers that ask for trials.",
};

function Image({ common, value, set, aliases, command }: { common: Record<string, unknown>; value: Json | undefined; set: (value: Json) => void; aliases: readonly string[]; command: (() => void) | null }) {
  const text = typeof value === "string" ? value : "";
  return (
    <>
      <input {...common} value={text} spellcheck={false} autocomplete="off" list={aliases.length ? `${ID}-list` : undefined} onInput={(event) => set(event.currentTarget.value)} />
      {aliases.length > 0 && <datalist id={`${ID}-list`}>{aliases.map((each) => <option key={each} value={each} />)}</datalist>}
      {/\S\s+\S/.test(text) && <p class="hint">The name of an image has no blanks. {command && <button type="button" class="plain" onClick={command}>It is a command</button>}</p>}
    </>
  );
}

function Command({ common, value, set }: { common: Record<string, unknown>; value: Json | undefined; set: (value: Json) => void }) {
  const code = (value ?? {}) as Request;
  const given = Array.isArray(code.command) && code.command.length ? code.command.map(String) : undefined;
  const { text, fault, input } = useWritten(given, (words) => set({ ...code, command: words ?? [] }), (words) => line(...words), commandOf);
  const forShell = fault !== null && wordsOf(text).fault === undefined;
  return (
    <>
      <input {...common} {...input} class="mono" placeholder="python train.py" spellcheck={false} autocomplete="off" aria-invalid={common["aria-invalid"] === true || fault !== null} />
      {fault !== null && <p class="wrong" role="status">{fault}{forShell && <>. <button type="button" class="plain" onClick={() => set({ ...code, command: shellWords(text) })}>Write it for a shell</button></>}</p>}
      {isShell(given) && <p class="hint">In the line of <code>sh -c</code>, <code>"$@"</code> is where the arguments of a trial go.</p>}
    </>
  );
}

function isShell(words: readonly string[] | undefined): boolean {
  return words?.[1] === "-c" && /^(?:\S*\/)?(?:ba|da|z)?sh$/.test(words[0] ?? "");
}

function Folder({ value, set, faults }: { value: Json | undefined; set: (value: Json) => void; faults: readonly FieldError[] }) {
  const id = `${ID}-workdir`;
  const code = (value ?? {}) as Request;
  return (
    <div class="entry">
      <label for={id}>Folder</label>
      <input id={id} class="mono" value={String(code.workdir ?? "")} placeholder="/home/ann/digits" spellcheck={false} autocomplete="off" aria-invalid={faults.length > 0} aria-describedby={`${id}-hint`}
        onInput={(event) => set(changed(code, "workdir", event.currentTarget.value || undefined))} />
      <p class="hint" id={`${id}-hint`}>Where the command starts, such as the folder of train.py. Without one, each trial has an empty folder of its own.</p>
      <Faults faults={faults} id={id} />
    </div>
  );
}
