// Command lines that repeat a trial, and those that do what a button does.

import type { Scalar, Spec } from "../documents";

/** A word as a POSIX shell needs it. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'"'"'`)}'`;
}

export function line(...words: string[]): string {
  return words.map(quoted).join(" ");
}

/** `tunelet VERB …`, with the namespace if it is not the usual one. */
export function tunelet(namespace: string, verb: string, ...words: string[]): string {
  return line("tunelet", verb, ...words, ...(namespace === "default" ? [] : ["--namespace", namespace]));
}

function text(value: Scalar): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The command that adds a trial with the same hyperparameters. */
export function proposes(spec: Spec, hyperparameters: Record<string, Scalar>): string {
  const settings = Object.entries(hyperparameters).map(([name, value]) => `${name}=${text(value)}`);
  return tunelet(spec.namespace, "propose", spec.name, ...settings);
}

/** The training's own command with the hyperparameters; null if it is not known from the spec alone. */
export function training(spec: Spec, hyperparameters: Record<string, Scalar>): string | null {
  const { image, command, args } = spec.model_training_code as { image?: string; command?: string[]; args?: string[] };
  const words = [...(command ?? []), ...(args ?? [])];
  if (image === undefined || words.some((word) => /[{$]/.test(word))) return null;
  const given = Object.entries(hyperparameters).flatMap(([name, value]) => argument(spec, name, value));
  return line(...(image === "command" || words.length ? words : [image]), ...given);
}

function argument(spec: Spec, name: string, value: Scalar): string[] {
  const flag = (spec.hyperparameters[name] as { flag?: boolean } | undefined)?.flag;
  if (flag && (value === null || typeof value === "boolean")) return value ? [`--${name}`] : [];
  return [`--${name}=${text(value)}`];
}
