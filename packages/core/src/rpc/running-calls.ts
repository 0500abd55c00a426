import type { HandlerCall } from "./server-call.js";

/** The handlers that run now: a count, and a list through the calls themselves, so that coming and going costs no memory. */
export class RunningCalls {
  #first: HandlerCall | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(call: HandlerCall): void {
    const first = this.#first;
    if (first !== undefined) first.previous = call;
    call.next = first;
    this.#first = call;
    this.#count += 1;
  }

  /** Only for a call that was added and not yet removed. */
  remove(call: HandlerCall): void {
    const { previous, next } = call;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    call.previous = undefined;
    call.next = undefined;
    this.#count -= 1;
  }

  /** Fires the signal of each. */
  abortAll(reason: string): void {
    // What an abort listener ends leaves the list: the next one is read before.
    for (let call = this.#first; call !== undefined; ) {
      const { next } = call;
      call.abort(reason);
      call = next;
    }
  }
}
