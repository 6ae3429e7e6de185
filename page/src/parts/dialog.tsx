// A dialog that asks before something is done, shows its command, and its faults at their fields.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem, type FieldError } from "../api";
import { Copied } from "./copied";
import { besides } from "./faults";
import { Fault } from "./message";

interface Asked {
  title: string;
  verb: string;
  command: string;
  danger?: boolean;
  ready?: boolean;
  act: () => Promise<unknown>;
  close: () => void;
  /** Which faults the children show at their fields; the dialog shows the others. */
  at?: (error: FieldError) => boolean;
  /** The fields; as a function of the faults that they show. */
  children?: ComponentChildren | ((errors: readonly FieldError[]) => ComponentChildren);
}

export function Dialog({ title, verb, command, danger = false, ready = true, act, close, at = () => false, children }: Asked) {
  const box = useRef<HTMLDialogElement>(null);
  const [fault, setFault] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => box.current?.showModal(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!ready || busy) return;
    setBusy(true);
    try {
      await act();
      close();
    } catch (problem) {
      setFault(problem);
      setBusy(false);
    }
  };
  const errors = fault instanceof Problem ? fault.errors : [];
  const others = besides(fault, at);
  // What is written anew has yet to be judged.
  const written = () => errors.length > 0 && setFault(null);
  return (
    <dialog ref={box} aria-labelledby="dialog-title" onClose={close}>
      <form onSubmit={submit} onInput={written}>
        <h2 id="dialog-title">{title}</h2>
        {typeof children === "function" ? children(errors.filter(at)) : children}
        <p class="faint">The same in a terminal</p>
        <Copied text={command} />
        {others !== null && <Fault fault={others} />}
        <div class="buttons">
          <button type="button" onClick={() => box.current?.close()}>Cancel</button>
          <button type="submit" class={danger ? "danger" : "primary"} disabled={!ready || busy}>{verb}</button>
        </div>
      </form>
    </dialog>
  );
}
