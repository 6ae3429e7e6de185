// Preact's compat has the same, with much else.

import { Component, createElement, type FunctionComponent } from "preact";

/** The component, which is drawn again only if one of its properties is another. */
export function memo<P extends object>(view: FunctionComponent<P>) {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return differ(this.props, next);
    }
    override render() {
      return createElement(view, this.props as P);
    }
  };
}

export function differ(old: object, next: object): boolean {
  const [before, after] = [old, next] as Record<string, unknown>[];
  return Object.keys({ ...before, ...after }).some((name) => before?.[name] !== after?.[name]);
}
