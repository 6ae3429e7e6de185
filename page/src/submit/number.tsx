// A number as text, so that it stays as it is written. A number field of the browser changes with the mouse's wheel.

import { numberOf, useWritten } from "./written";

type Attributes = { id?: string; "aria-label"?: string; "aria-describedby"?: string | undefined; "aria-invalid"?: boolean; placeholder?: string };

export function NumberInput({ value, set, integer = false, ...attributes }: Attributes & { value: unknown; set: (value: number | undefined) => void; integer?: boolean }) {
  // A text comes from the YAML, and is shown as what it is: no number.
  const given = typeof value === "number" || typeof value === "string" ? value : undefined;
  const { fault, input } = useWritten<number | string>(given, (next) => set(typeof next === "string" ? undefined : next), String, (text) => numberOf(text, integer));
  return (
    <>
      <input {...attributes} {...input} class="number" inputMode={integer ? "numeric" : undefined} autocomplete="off" spellcheck={false} aria-invalid={attributes["aria-invalid"] || fault !== null} />
      {fault !== null && <p class="wrong" role="status">{fault}</p>}
    </>
  );
}
