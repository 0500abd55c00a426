import type { Address, Request } from "@trunkline/core/driver";
import type { Mode } from "../wire/names.js";
import type { Line } from "./line.js";
import type { MethodKey } from "./method-key.js";
import type { RpcTopic } from "./rpc-topic.js";

/** Of one client no more methods are remembered. */
const MAX_METHODS = 1_024;

/** What was worked out for an address object: where its requests wait, and their methods. */
export class Memo {
  readonly address: Address;
  readonly topic: RpcTopic;
  readonly mode: Mode;
  readonly line: Line | undefined;
  readonly #keys: Map<string, MethodKey> = new Map();
  #last: MethodKey | undefined;

  constructor(address: Address, topic: RpcTopic) {
    this.address = address;
    this.topic = topic;
    if (address.fanout === true) {
      this.mode = "fanout";
      this.line = undefined;
    } else if (address.server !== undefined) {
      this.mode = "server";
      this.line = topic.server(address.server);
    } else {
      this.mode = "topic";
      this.line = topic.any();
    }
  }

  keyOf(request: Request): MethodKey {
    const { method, namespace, version } = request;
    const last = this.#last;
    if (last !== undefined && last.method === method && last.namespace === namespace && last.version === version)
      return last;
    let key = this.#keys.get(method);
    if (key === undefined || key.namespace !== namespace || key.version !== version) {
      if (this.#keys.size >= MAX_METHODS) this.#keys.clear();
      key = this.topic.methods.of(this.mode, namespace, version, method);
      this.#keys.set(method, key);
    }
    this.#last = key;
    return key;
  }
}
