/** Endpoints: plain objects or class instances whose methods answer requests, and which of those methods are exposed. */
import { InvalidArgumentError } from "../errors.js";
import { checkName } from "../target.js";
import type { JsonObject } from "../value.js";
import type { ServerCall } from "./server-call.js";
import {
  compareVersions,
  DEFAULT_VERSION,
  isCompatible,
  parseVersion,
  readVersion,
  type Version,
  writeVersion,
} from "./version.js";

/** A method of an endpoint. What it returns is the reply; what it throws arrives as a RemoteError (B5). */
export type Handler = (params: JsonObject, call: ServerCall) => unknown;

/** What an endpoint implements; absent: the null namespace at version 1.0. */
export interface EndpointTarget {
  readonly namespace?: string;
  readonly version?: string;
  /** Further namespaces that are accepted; `undefined` in the list stands for the null namespace. */
  readonly legacyNamespaces?: readonly (string | undefined)[];
}

/**
 * Which methods a caller may reach.
 *
 * - `public`: methods of the object and of its classes, but no `constructor`, no name with a leading `_`, no accessor, no symbol;
 * - `explicit`: of those only the ones marked with {@link expose};
 * - a function: of the `public` ones those for which it returns true.
 *
 * Inherited members of `Object.prototype` are never reachable.
 */
export type Exposure = "public" | "explicit" | ((endpoint: object, method: string) => boolean);

const EXPOSED: unique symbol = Symbol("trunkline.exposed");

/** Marks a method for the `explicit` exposure policy, and returns it. */
export function expose<Method extends (...args: never[]) => unknown>(method: Method): Method {
  Object.defineProperty(method, EXPOSED, { value: true });
  return method;
}

interface Endpoint {
  readonly object: object;
  readonly namespaces: ReadonlySet<string | undefined>;
  readonly version: Version;
  readonly methods: ReadonlyMap<string, Handler>;
}

export type Resolution = { readonly kind: "found"; readonly object: object; readonly handler: Handler } | Refusal;

/** `versions`: those that endpoints of the namespace implement, lowest first; none where there is no such endpoint. */
export type Refusal =
  | { readonly kind: "no-such-method" }
  | { readonly kind: "unsupported-version"; readonly versions: readonly string[] };

/** The endpoints of one server, their exposed methods listed once. */
export class EndpointTable {
  readonly #endpoints: readonly Endpoint[];

  /** @throws InvalidArgumentError for no endpoint, one that is no object or exposes nothing, or a bad `target`. */
  constructor(endpoints: object | readonly object[], exposure: Exposure) {
    const list: readonly unknown[] = Array.isArray(endpoints) ? endpoints : [endpoints];
    if (list.length === 0) throw new InvalidArgumentError("serve needs at least one endpoint: an object with methods");
    this.#endpoints = list.map((object, index) => readEndpoint(object, index, exposure));
  }

  /** The first endpoint that fits namespace, version and method wins (B3). */
  resolve(namespace: string | undefined, version: string | undefined, method: string): Resolution {
    const requested = readVersion(version ?? DEFAULT_VERSION);
    let fitsVersion = false;
    if (requested !== undefined) {
      for (const endpoint of this.#endpoints) {
        if (!endpoint.namespaces.has(namespace) || !isCompatible(requested, endpoint.version)) continue;
        fitsVersion = true;
        const handler = endpoint.methods.get(method);
        if (handler !== undefined) return { kind: "found", object: endpoint.object, handler };
      }
    }
    return fitsVersion
      ? { kind: "no-such-method" }
      : { kind: "unsupported-version", versions: this.#versionsIn(namespace) };
  }

  /** An endpoint that exposes nothing is refused above, so what is told here can also be reached. */
  #versionsIn(namespace: string | undefined): string[] {
    const fitting = this.#endpoints.filter(({ namespaces }) => namespaces.has(namespace));
    const versions = fitting.map(({ version }) => version).toSorted(compareVersions);
    return [...new Set(versions.map(writeVersion))];
  }
}

function readEndpoint(object: unknown, index: number, exposure: Exposure): Endpoint {
  const which = `endpoint ${index + 1}`;
  if (typeof object !== "object" || object === null) {
    throw new InvalidArgumentError(
      `${which} must be an object with methods, got ${object === null ? "null" : typeof object}`,
    );
  }
  const target = readTarget(which, Reflect.get(object, "target"));
  const methods = listMethods(object, exposure);
  if (methods.size === 0) {
    throw new InvalidArgumentError(`${which} exposes no method: give it functions whose names do not begin with "_"`);
  }
  return {
    object,
    namespaces: new Set([target.namespace, ...(target.legacyNamespaces ?? [])]),
    version: parseVersion(`${which}'s target.version`, target.version ?? DEFAULT_VERSION),
    methods,
  };
}

const TARGET_FIELDS: ReadonlySet<string> = new Set(["namespace", "version", "legacyNamespaces"]);

function readTarget(which: string, target: unknown): EndpointTarget {
  // A method that happens to be called `target` says nothing of namespace and version.
  if (target === undefined || typeof target === "function") return {};
  if (typeof target !== "object" || target === null)
    throw new InvalidArgumentError(`${which}'s target must be an object`);
  for (const field of Object.keys(target)) {
    if (!TARGET_FIELDS.has(field)) {
      throw new InvalidArgumentError(
        `${which}'s target has no field "${field}"; it has ${[...TARGET_FIELDS].join(", ")}`,
      );
    }
  }
  const { namespace, version, legacyNamespaces } = target as EndpointTarget; // each field is checked below
  const names = [namespace, ...(legacyNamespaces ?? [])];
  for (const name of names) if (name !== undefined) checkName(`${which}'s namespace`, name);
  if (version !== undefined) parseVersion(`${which}'s target.version`, version);
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(version === undefined ? {} : { version }),
    ...(legacyNamespaces === undefined ? {} : { legacyNamespaces }),
  };
}

/** Of the object and its classes up to, not including, `Object.prototype`; the nearest wins. */
function listMethods(object: object, exposure: Exposure): Map<string, Handler> {
  const methods = new Map<string, Handler>();
  const seen = new Set<string>();
  for (let owner: object | null = object; owner !== null && !isRoot(owner); owner = Object.getPrototypeOf(owner)) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      if (seen.has(name)) continue;
      seen.add(name);
      const method: unknown = property.value;
      if (typeof method !== "function" || name === "constructor" || name.startsWith("_")) continue;
      if (!isExposed(object, name, method, exposure)) continue;
      methods.set(name, method as Handler); // a function; what it makes of its arguments is the application's
    }
  }
  return methods;
}

/** `Object.prototype`, of this realm or another: the root of a chain that is not a null-prototype object itself. */
function isRoot(owner: object): boolean {
  return Object.getPrototypeOf(owner) === null && Object.hasOwn(owner, "hasOwnProperty");
}

function isExposed(endpoint: object, name: string, method: object, exposure: Exposure): boolean {
  if (exposure === "public") return true;
  if (exposure === "explicit") return Reflect.get(method, EXPOSED) === true;
  return exposure(endpoint, name);
}
