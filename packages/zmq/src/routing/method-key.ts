import type { RemoteListener } from "../link/remote-listener.js";
import type { Mode, RequestNames } from "../wire/names.js";

/**
 * What of a request is the same for many, interned: one object for each mode, namespace, version and method of a topic, so
 * that its route on a link is found by identity.
 */
export class MethodKey implements RequestNames {
  readonly mode: Mode;
  readonly namespace: string | undefined;
  readonly version: string | undefined;
  readonly method: string;
  /** The route that was used last, and whose. */
  lastListener: RemoteListener | undefined = undefined;
  lastRoute = 0;

  constructor(mode: Mode, namespace: string | undefined, version: string | undefined, method: string) {
    this.mode = mode;
    this.namespace = namespace;
    this.version = version;
    this.method = method;
  }
}

/** A topic keeps so many; one that is asked for more begins anew, which costs its routes and nothing else. */
const MAX_KEYS = 4_096;

export class MethodKeys {
  #keys: Map<string, MethodKey> = new Map();

  of(mode: Mode, namespace: string | undefined, version: string | undefined, method: string): MethodKey {
    // Names hold no control characters (A5), so that joined ones are never ambiguous.
    const name = `${mode}\n${namespace ?? ""}\n${version ?? ""}\n${method}`;
    let key = this.#keys.get(name);
    if (key === undefined) {
      if (this.#keys.size >= MAX_KEYS) this.#keys = new Map();
      key = new MethodKey(mode, namespace, version, method);
      this.#keys.set(name, key);
    }
    return key;
  }
}
