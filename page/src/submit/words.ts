// The words of a command line, as a shell would find them. Nothing else of a shell is done, and what only a shell
// would do is not taken for a word.

import type { Read } from "./written";

const WORD = /(?:[^\s'"\\]|'[^']*'|"(?:[^"\\]|\\[\s\S])*"|\\[\s\S])+/y;
const PART = /'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/g;

/** In order of length: the signs that mean something else to a shell than themselves. `${` begins a placeholder. */
const SIGN = /'[^']*'|"(?:[^"\\]|\\[\s\S])*"|\\[\s\S]|\$\{[^}]*\}|(&&|\|\||>>|<<|[&|;<>`]|\$\(|\$\w+)/g;
const ASSIGNED = /^\s*[A-Za-z_]\w*=\S*\s/;
const PREPARES = /^\s*(?:cd|export|source|\.|set|mkdir|module|conda|ulimit)\s/;

/** The first sign outside quotes that only a shell would act on, or an assignment before the program; null if there is none. */
export function shellSign(line: string): string | null {
  for (const [, sign] of line.matchAll(SIGN)) if (sign !== undefined) return sign;
  return ASSIGNED.exec(line)?.[0].trim() ?? null;
}

/**
 * The words of a program that runs the line as a shell does. The arguments of a trial come after them, so `"$@"` in
 * the line hands them on: to the first command that does not only prepare another one.
 */
export function shellWords(line: string): string[] {
  const text = line.trim();
  if (/\$[@*]|\$\{hyperparameters\./.test(text)) return ["sh", "-c", text, "sh"];
  const cuts = [...text.matchAll(SIGN)].filter(([, sign]) => sign !== undefined && /^[&|;<>]+$/.test(sign)).map(({ index, 1: sign = "" }) => ({ index: index - (/^[<>]/.test(sign) && /\s\d$/.test(text.slice(0, index)) ? 1 : 0), after: index + sign.length }));
  let begin = 0;
  for (const { index, after } of [...cuts, { index: text.length, after: text.length }]) {
    const part = text.slice(begin, index);
    if (part.trim() !== "" && (!PREPARES.test(`${part} `) || index === text.length)) {
      const end = begin + part.trimEnd().length;
      return ["sh", "-c", `${text.slice(0, end)} "$@"${text.slice(end)}`, "sh"];
    }
    begin = after;
  }
  return ["sh", "-c", text, "sh"];
}

/** The words of a command; a fault if a shell would do more with it. */
export function commandOf(line: string): Read<string[]> {
  const found = wordsOf(line);
  const sign = found.fault === undefined ? shellSign(line) : null;
  if (sign === null) return found;
  return { fault: `${sign} is for a shell, and a command is a program with its arguments: write sh -c '…', or put ${sign} into quotes` };
}

export function wordsOf(line: string): Read<string[]> {
  const words: string[] = [];
  const text = line.trim();
  let place = 0;
  while (place < text.length) {
    WORD.lastIndex = place;
    const found = WORD.exec(text)?.[0];
    if (found === undefined) return { fault: `${text.slice(place)} has a quote or backslash without its end: write it, or put a backslash before it` };
    words.push(found.replace(PART, (_, single?: string, double?: string, escaped?: string, plain?: string) => single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? plain ?? ""));
    place += found.length;
    while (/\s/.test(text[place] ?? "")) place += 1;
  }
  return { value: words.length ? words : undefined };
}
