// The namespaces that this browser has seen experiments in, to choose from. No route lists those of a service.

const MOST = 30;

/** Services below other paths of the same host have other namespaces. */
function key(): string {
  return `namespaces ${location.pathname}`;
}

/** The latest comes first. */
export function seen(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key()) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
  } catch {
    return []; // a browser may refuse to keep anything
  }
}

export function remember(namespace: string): void {
  const [latest, ...others] = seen();
  if (latest === namespace) return;
  const next = [namespace, latest, ...others].filter((each, place) => each !== undefined && (place === 0 || each !== namespace));
  try {
    localStorage.setItem(key(), JSON.stringify(next.slice(0, MOST)));
  } catch {
    // It is only for convenience.
  }
}
