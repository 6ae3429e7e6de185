// The words of a command line, as a shell would find them. Nothing else of a shell is done.

import type { Read } from "./written";

const WORD = /(?:[^\s'"\\]|'[^']*'|"(?:[^"\\]|\\[\s\S])*"|\\[\s\S])+/y;
const PART = /'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/g;

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
