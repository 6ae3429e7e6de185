// A number as text, so that it stays as it is written. A number field of the browser changes with the mouse's wheel.

import { numberOf, useWritten } from "./written";

type Attributes = { id?: string; "aria-label"?: string; "aria-describedby"?: string | undefined; "aria-invalid"?: boolean; placeholder?: string };

export function NumberInput({ value, set, integer = false, ...attributes }: Attributes & { value: unknown; set: (value: number | undefined) => void; integer?: boolean }) {
  const given = typeof value === "number" ? value : undefined;
  const { fault, input } = useWritten(given, set, String, (text) => numberOf(text, integer));
  return (
    <>
      <input {...attributes} {...input} class="number" inputMode={integer ? "numeric" : undefined} autocomplete="off" spellcheck={false} aria-invalid={attributes["aria-invalid"] || fault !== null} />
      {fault !== null && <p class="wrong" role="status">{fault}</p>}
    </>
  );
}
