// The address after #: /NAMESPACE, /NAMESPACE/EXPERIMENT or /NAMESPACE/EXPERIMENT?view=…&trial=5.
// A namespace alone is the list of its experiments; /NAMESPACE/+ is the form for a new one,
// /NAMESPACE/=?names=a,b compares several.

export interface Route {
  namespace: string;
  name: string | null;
  query: Record<string, string>;
}

export const NEW = "+";
export const COMPARE = "=";
const PAGES = [NEW, COMPARE];

export function parse(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#/, "").split("?", 2);
  const [namespace, name] = path.split("/").filter(Boolean).map(decoded);
  return { namespace: namespace ?? "default", name: name ?? null, query: Object.fromEntries(new URLSearchParams(search)) };
}

export function format({ namespace, name, query }: Route): string {
  const path = `#/${encodeURIComponent(namespace)}${name === null ? "" : `/${PAGES.includes(name) ? name : encodeURIComponent(name)}`}`;
  const kept = Object.entries(query).filter(([, value]) => value !== "");
  return kept.length ? `${path}?${new URLSearchParams(kept).toString().replaceAll("%2C", ",")}` : path;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
