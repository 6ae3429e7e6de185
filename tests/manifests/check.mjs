// Holds Kubernetes and Knative resources to the schemas of their APIs, and refuses what those do
// not know. In: lines on standard input, each a JSON array of resources. Out: a line for each, an
// array with the list of what is wrong with each resource.
//
// The schemas come as compiled validators, which pass over fields they do not know. But they look
// each one they do know up by its name: so a field that stands in a resource and was never looked
// up, in an object that was looked into, is unknown. A schema-less object is not looked into.

import { createInterface } from "node:readline";

const KNATIVE = /^(serving|eventing|sources|messaging|flows)\.knative\.dev\//;

async function modelOf({ apiVersion, kind }) {
  const of = KNATIVE.test(apiVersion) ? "@kubernetes-models/knative" : "kubernetes-models";
  return (await import(`${of}/${apiVersion}/${kind}`))[kind];
}

/** The value, and what of it was looked up: {path, value, seen} for every object in it. */
function watched(value, path, nodes) {
  if (value === null || typeof value !== "object") return value;
  const node = { path, value, seen: new Set() };
  const children = new Map();
  nodes.push(node);
  return new Proxy(value, {
    get(target, name) {
      node.seen.add(name);
      if (!Object.hasOwn(target, name)) return target[name];
      const at = Array.isArray(target) ? `${path}[${name}]` : `${path}.${name}`;
      if (!children.has(name)) children.set(name, watched(target[name], at, nodes));
      return children.get(name);
    },
  });
}

function unknown({ path, value, seen }) {
  if (Array.isArray(value) || seen.size === 0) return [];
  const passed = Object.keys(value).filter((name) => !seen.has(name));
  return passed.map((name) => `${path}.${name}: there is no such field`);
}

async function problems(resource) {
  const name = `${resource.kind} ${resource.metadata?.name}`;
  let Model;
  try {
    Model = await modelOf(resource);
  } catch {
    return [`${name}: ${resource.apiVersion} has no kind ${resource.kind}`];
  }
  const nodes = [];
  try {
    Model.prototype.validate.call(watched(resource, name, nodes));
  } catch (error) {
    const wrong = error.errors.filter((each) => !ofStatus(each));
    if (wrong.length > 0) return wrong.map((each) => `${name}${each.instancePath}: ${each.message}`);
  }
  return nodes.flatMap(unknown);
}

/** The status is the cluster's to write, though a schema may require it. */
function ofStatus({ instancePath, params }) {
  return instancePath === "" && params.missingProperty === "status";
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await Promise.all(JSON.parse(line).map(problems))));
}
