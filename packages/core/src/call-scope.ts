/**
 * What a handler's own calls inherit: its context (D1) and its deadline (B6), carried by AsyncLocalStorage.
 *
 * On Node 20 a handler that runs inside AsyncLocalStorage taxes every promise of the process, so handlers do so only once
 * something in the process could make use of it: a client or a notifier.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { JsonObject } from "./value.js";

export interface CallScope {
  readonly context: JsonObject;
  /** On the clock's `now()`; undefined where the work has no deadline. */
  readonly until: number | undefined;
}

class CallScopeStore {
  readonly #storage: AsyncLocalStorage<CallScope> = new AsyncLocalStorage();
  #isWanted = false;

  /** From now on handlers run in a scope. Called by whatever can make calls. */
  want(): void {
    this.#isWanted = true;
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** The scope of the handler that runs this code, if any. */
  current(): CallScope | undefined {
    return this.#isWanted ? this.#storage.getStore() : undefined;
  }

  run<Result>(scope: CallScope, fn: () => Result): Result {
    return this.#storage.run(scope, fn);
  }
}

/** One for the process: a handler of one transport may call through another. */
export const callScope: CallScopeStore = new CallScopeStore();
