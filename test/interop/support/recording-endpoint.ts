import type { JsonObject, ServerCall, Value } from "@trunkline/core";
import { type Deferred, deferred, until } from "@trunkline/core/testing";
import { WITHIN } from "./python-side.js";

/** A request as our handler saw it. */
export interface Handled {
  readonly method: string;
  readonly params: JsonObject;
  readonly context: JsonObject;
  readonly call: ServerCall;
}

/** The methods that `peer.py`'s endpoint has too, on our side. Each writes down what it saw. */
export class RecordingEndpoint {
  readonly target: { readonly namespace?: string; readonly version?: string };
  readonly #label: string;
  readonly #handled: Handled[] = [];
  readonly #held: Map<string, Deferred<void>> = new Map();

  constructor(label: string = "ours", target: { readonly namespace?: string; readonly version?: string } = {}) {
    this.#label = label;
    this.target = target;
  }

  echo(params: JsonObject, call: ServerCall): Value {
    this.#saw("echo", params, call);
    return params["value"] ?? null;
  }

  note(params: JsonObject, call: ServerCall): void {
    this.#saw("note", params, call);
  }

  whoami(params: JsonObject, call: ServerCall): string {
    this.#saw("whoami", params, call);
    return this.#label;
  }

  context(params: JsonObject, call: ServerCall): JsonObject {
    this.#saw("context", params, call);
    return call.context;
  }

  /** Answers when the test says so. */
  async hold(params: JsonObject, call: ServerCall): Promise<Value> {
    this.#saw("hold", params, call);
    const key = params["key"] ?? null;
    await this.#gate(String(key)).promise;
    return key;
  }

  _private(): string {
    return "reached";
  }

  release(key: string): void {
    this.#gate(key).resolve();
  }

  handled(method?: string): readonly Handled[] {
    return this.#handled.filter((one) => method === undefined || one.method === method);
  }

  /** Resolves with what it saw once it is so much. */
  async sees(count: number, method?: string): Promise<readonly Handled[]> {
    return await until(
      () => {
        const handled = this.handled(method);
        return handled.length >= count && handled;
      },
      { ...WITHIN, what: `${this.#label} to handle ${count} ${method ?? "requests"}` },
    );
  }

  #gate(key: string): Deferred<void> {
    const gate = this.#held.get(key) ?? deferred();
    this.#held.set(key, gate);
    return gate;
  }

  #saw(method: string, params: JsonObject, call: ServerCall): void {
    this.#handled.push({ method, params, context: call.context, call });
  }
}
