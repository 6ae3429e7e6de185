// What a person writes into a field, apart from the value that it means: on the way to 0.001 it is "0.0",
// which is 0, and the field must keep what was written.

import { useEffect, useRef, useState } from "preact/hooks";
import { same } from "./schema";

export type Read<T> = { value: T | undefined; fault?: undefined } | { value?: undefined; fault: string };

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** The number that a text means; none for an empty one. */
export function numberOf(text: string, integer: boolean): Read<number> {
  const word = text.trim();
  if (word === "") return { value: undefined };
  const value = Number(word);
  if (!NUMBER.test(word) || !Number.isFinite(value)) return { fault: `${word} is not a number: write one such as ${integer ? "20" : "0.001 or 1e-3"}` };
  if (integer && !Number.isInteger(value)) return { fault: `${word} is not an integer: write one such as ${Math.round(value)}` };
  if (integer && !Number.isSafeInteger(value)) return { fault: `${word} is too large: write an integer of at most ${Number.MAX_SAFE_INTEGER}` };
  return { value };
}

interface Written {
  text: string;
  /** Why the text has no value, once the person has left the field. */
  fault: string | null;
  /** For the input: the form is not submitted while the text has no value. */
  input: {
    value: string;
    ref: { current: (HTMLInputElement & HTMLTextAreaElement) | null };
    onInput: (event: { currentTarget: { value: string } }) => void;
    onBlur: () => void;
  };
}

/** The text of a field. It changes only as the person writes, or as another value comes from outside. */
export function useWritten<T>(value: T | undefined, set: (value: T | undefined) => void, write: (value: T) => string, read: (text: string) => Read<T>): Written {
  const begin = () => (value === undefined || value === null ? "" : write(value));
  const [text, setText] = useState(begin);
  const [writes, setWrites] = useState(false);
  const meant = useRef(value);
  let shown = text;
  if (!same(value, meant.current)) {
    meant.current = value;
    shown = begin();
    setText(shown);
  }
  const fault = read(shown).fault ?? null;
  const ref = useRefused<HTMLInputElement & HTMLTextAreaElement>(fault);
  const onInput = (event: { currentTarget: { value: string } }) => {
    const given = event.currentTarget.value;
    const found = read(given);
    setText(given);
    setWrites(true);
    if (found.fault !== undefined || same(found.value, meant.current)) return;
    meant.current = found.value;
    set(found.value);
  };
  return { text: shown, fault: writes ? null : fault, input: { value: shown, ref, onInput, onBlur: () => afterClick(() => setWrites(false)) } };
}

/** A state of a field that begins anew with each round: when the request comes from elsewhere. The field itself stays, with the focus. */
export function useRound<T>(round: number, begin: (old?: T) => T): [T, (value: T) => void] {
  const [state, set] = useState(() => ({ round, value: begin() }));
  const now = state.round === round ? state : { round, value: begin(state.value) };
  if (now !== state) set(now);
  return [now.value, (value) => set({ round, value })];
}

/** For an input that the browser does not submit while it has a fault: it says the fault at the input. */
export function useRefused<T extends HTMLInputElement>(fault: string | null) {
  const ref = useRef<T>(null);
  useEffect(() => ref.current?.setCustomValidity(fault ?? ""), [fault]);
  return ref;
}

let pressed = false;
if (typeof document !== "undefined") {
  document.addEventListener("pointerdown", () => (pressed = true), true);
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => (pressed = false), true);
}

/** Call once the click is over that took the focus from a field. A button that moves while it is pressed would miss it. */
export function afterClick(then: () => void): void {
  if (!pressed) setTimeout(then);
  else document.addEventListener("pointerup", () => setTimeout(then), { once: true, capture: true });
}
