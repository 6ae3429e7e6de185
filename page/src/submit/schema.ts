// The parts of JSON Schema that the request's schema uses, and requests as the form changes them.

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  $ref?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  minimum?: number;
  maximum?: number;
  $defs?: Record<string, Schema>;
}

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Request = { [name: string]: Json };

/** The schema that a reference names, or itself. */
export function resolved(schema: Schema, root: Schema): Schema {
  const name = schema.$ref?.replace("#/$defs/", "");
  const found = name === undefined ? undefined : root.$defs?.[name];
  return found ? { ...found, ...withoutRef(schema) } : schema;
}

function withoutRef({ $ref: _, ...others }: Schema): Schema {
  return others;
}

export type Kind = "integer" | "number" | "text" | "boolean" | "choice" | "object" | "other";

/** How a value of the schema is best put in: of several forms, the first that a field can hold. */
export function kindOf(schema: Schema, root: Schema): { kind: Kind; schema: Schema } {
  const own = resolved(schema, root);
  if (own.enum) return { kind: "choice", schema: own };
  if (own.properties) return { kind: "object", schema: own };
  const simple = { integer: "integer", number: "number", string: "text", boolean: "boolean" } as const;
  if (typeof own.type === "string" && own.type in simple) return { kind: simple[own.type as keyof typeof simple], schema: own };
  const variants = (own.anyOf ?? []).filter((each) => each.type !== "null");
  const [first] = variants;
  if (first && variants.length === 1) {
    const inner = kindOf(first, root);
    return { kind: inner.kind, schema: { ...inner.schema, ...described(own) } };
  }
  return { kind: "other", schema: own };
}

function described({ description, default: usual, title }: Schema): Schema {
  return Object.fromEntries(Object.entries({ description, default: usual, title }).filter(([, value]) => value !== undefined)) as Schema;
}

/** The request with a member set; undefined removes it. */
export function changed(request: Request, name: string, value: Json | undefined): Request {
  const { [name]: _, ...others } = request;
  return value === undefined ? others : { ...request, [name]: value };
}

export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The request that an experiment's spec came from, as a person would write it: without its name, and what is usual. */
export function cloned(spec: Record<string, unknown>, root: Schema): Request {
  const known = root.properties ?? {};
  const kept = Object.entries(spec).filter(([name, value]) => name in known && !["name", "namespace"].includes(name) && !same(value, known[name]?.default));
  const request = Object.fromEntries(kept) as Request;
  if (Array.isArray(request.warm_start)) request.warm_start = request.warm_start.map((each) => (each as { name: string }).name);
  if (request.hpo_algorithm) request.hpo_algorithm = named(request.hpo_algorithm);
  if (Array.isArray(request.early_stopping)) request.early_stopping = alone(request.early_stopping.map(named));
  if (request.hyperparameters) request.hyperparameters = withLogs(request.hyperparameters as Request);
  return withPlainCode(withOneObjective(request));
}

/** Of an algorithm or a rule without settings its name. */
function named(value: Json): Json {
  const given = filled(value);
  return isObject(given) && Object.keys(given).length === 1 && typeof given.name === "string" ? given.name : value;
}

function alone(values: Json[]): Json {
  const [first] = values;
  return values.length === 1 && typeof first === "string" ? first : values;
}

/** A spec has `scale: log` where a request usually has `log: true`. */
function withLogs(space: Request): Request {
  const entries = Object.entries(space).map(([name, form]): [string, Json] => {
    if (!isObject(form) || form.scale !== "log") return [name, form];
    const { scale: _, ...others } = form;
    return [name, { ...others, log: true }];
  });
  return Object.fromEntries(entries);
}

function isObject(value: Json): value is Request {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** With a single objective in the field that the form has for it. */
function withOneObjective(request: Request): Request {
  const { objectives, ...others } = request;
  if (!Array.isArray(objectives) || objectives.length !== 1) return request;
  return { ...others, objective: filled(objectives[0]) };
}

/** What the service calls the image of a command that has none. */
const COMMAND = "command";

/** Without members of the training code that are empty; of an image alone only its name. */
function withPlainCode(request: Request): Request {
  const code = filled(request.model_training_code ?? null);
  if (!isObject(code) || Object.keys(code).length === 0) return request;
  const { image, ...others } = code;
  if (image === COMMAND && "command" in others) return { ...request, model_training_code: others };
  const only = Object.keys(others).length === 0 && typeof image === "string";
  return { ...request, model_training_code: only ? image : code };
}

/** An object without its members that are null or empty; anything else as it is. */
function filled(value: Json | undefined): Json {
  if (value === undefined || !isObject(value)) return value ?? null;
  const empty = (each: Json) => each === null || (typeof each === "object" && Object.keys(each).length === 0);
  return Object.fromEntries(Object.entries(value).filter(([, each]) => !empty(each)));
}
