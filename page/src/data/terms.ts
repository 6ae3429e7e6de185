// The words of the filter: `loss<0.2 optimizer=adam,"a b" or pruned` as groups of terms.

/** What is wrong with an expression, for the person who writes it. */
export class Wrong extends Error {}

export type Sign = "=" | "!=" | "<" | "<=" | ">" | ">=";

export interface Word {
  text: string;
  quoted: boolean;
}

/** A comparison with one of `values`; or a word alone, without a name. */
export type Term = { name: Word; sign: Sign; values: Word[] } | { name: null; word: Word };

type Token = Word | Sign | ",";

const SIGNS: Record<string, Sign> = { "==": "=", "===": "=", "<>": "!=", "!==": "!=", "≠": "!=", "≤": "<=", "=<": "<=", "≥": ">=", "=>": ">=" };
// A sign, a comma, a word in quotes, or what is before the next of these.
const TOKEN = /(===|!==|<=|>=|!=|<>|==|=<|=>|[<>=≤≥≠])|(,)|"((?:\\["\\]|[^"])*)"(?![^\s,<>=!≤≥≠])|'((?:\\['\\]|[^'])*)'(?![^\s,<>=!≤≥≠])|((?:(?!!=|[<>=≤≥≠])[^\s,])+)/g;

function tokens(text: string): Token[] {
  return [...text.matchAll(TOKEN)].map(([, sign, comma, double, single, bare]) => {
    if (sign !== undefined) return SIGNS[sign] ?? (sign as Sign);
    if (comma !== undefined) return ",";
    if (bare === undefined) return { text: (double ?? single ?? "").replace(/\\(["'\\])/g, "$1"), quoted: true };
    if (/^["']/.test(bare)) throw new Wrong(`${bare} begins with a quote that does not end`);
    return { text: bare, quoted: false };
  });
}

/** The terms of which all of one group must hold. Raises `Wrong`. */
export function groupsOf(text: string): Term[][] {
  const given = tokens(text);
  const groups: Term[][] = [[]];
  for (let place = 0; place < given.length; ) {
    const token = given[place++];
    if (token === ",") continue;
    if (typeof token !== "object") throw new Wrong(`there is no name before ${token}`);
    if (isOne(token, "and", "&&")) continue;
    if (isOne(token, "not", "!")) throw new Wrong(`${token.text} is not understood: write !=, as in state!=complete`);
    if (isOne(token, "or", "||")) groups.push([]);
    else if (isSign(given[place])) {
      const sign = given[place++] as Sign;
      if (isSign(given[place])) throw new Wrong(`${sign} ${given[place]} is not understood: write one of =, !=, <, <=, > and >= after ${token.text}`);
      const values = valuesFrom(given, place, sign);
      if (values.length === 0) throw new Wrong(`there is no value after ${token.text}${sign}`);
      place += values.length * 2 - 1;
      groups[groups.length - 1]?.push({ name: token, sign, values });
    } else groups[groups.length - 1]?.push({ name: null, word: token });
  }
  if (groups.length > 1 && groups.some((group) => group.length === 0)) throw new Wrong("there is no term beside or");
  return groups;
}

/** The value at a place, and those after commas. What is compared itself is the next term's name. */
function valuesFrom(given: readonly Token[], place: number, sign: Sign): Word[] {
  const first = given[place];
  if (typeof first !== "object") return [];
  const more = given[place + 1] === "," && (sign === "=" || sign === "!=") && !isSign(given[place + 3]);
  return [first, ...(more ? valuesFrom(given, place + 2, sign) : [])];
}

function isSign(token: Token | undefined): token is Sign {
  return typeof token === "string" && token !== ",";
}

function isOne({ text, quoted }: Word, ...words: string[]): boolean {
  return !quoted && words.includes(text.toLowerCase());
}

/** A value as it is written in an expression. */
export function written(value: unknown): string {
  const text = String(value);
  if (/^[^\s,<>=!≤≥≠"']+$/.test(text)) return text;
  return text.includes('"') && !text.includes("'") ? `'${text}'` : `"${text.replace(/(["\\])/g, "\\$1")}"`;
}
