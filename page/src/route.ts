// The address after #: /NAMESPACE, /NAMESPACE/EXPERIMENT or /NAMESPACE/EXPERIMENT?view=…&trial=5.
// A namespace alone is the list of its experiments; /NAMESPACE/+ is the form for a new one.

export interface Route {
  namespace: string;
  name: string | null;
  query: Record<string, string>;
}

export const NEW = "+";

export function parse(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#/, "").split("?", 2);
  const [namespace, name] = path.split("/").filter(Boolean).map(decoded);
  return { namespace: namespace ?? "default", name: name ?? null, query: Object.fromEntries(new URLSearchParams(search)) };
}

export function format({ namespace, name, query }: Route): string {
  const path = `#/${encodeURIComponent(namespace)}${name === null ? "" : `/${name === NEW ? NEW : encodeURIComponent(name)}`}`;
  const kept = Object.entries(query).filter(([, value]) => value !== "");
  return kept.length ? `${path}?${new URLSearchParams(kept)}` : path;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
