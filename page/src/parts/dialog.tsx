// A dialog that asks before something is done, shows its command, and its faults at their fields.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Copied } from "./copied";
import { Fault } from "./message";

export function Dialog({ title, verb, command, danger = false, ready = true, act, close, children }: {
  title: string; verb: string; command: string; danger?: boolean; ready?: boolean; act: () => Promise<unknown>; close: () => void; children?: ComponentChildren;
}) {
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
  return (
    <dialog ref={box} aria-labelledby="dialog-title" onClose={close}>
      <form onSubmit={submit}>
        <h2 id="dialog-title">{title}</h2>
        {children}
        <p class="faint">The same in a terminal</p>
        <Copied text={command} />
        {fault !== null && <Fault fault={fault} />}
        <div class="buttons">
          <button type="button" onClick={() => box.current?.close()}>Cancel</button>
          <button type="submit" class={danger ? "danger" : "primary"} disabled={!ready || busy}>{verb}</button>
        </div>
      </form>
    </dialog>
  );
}
