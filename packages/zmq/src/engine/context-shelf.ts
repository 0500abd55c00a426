import type { NativeContext } from "./native.js";

/**
 * The contexts that no engine uses now. zeromq ends a context's threads, and closes their five descriptors, with the process
 * and not before: one that is not used again is lost, and a process that opens and closes transports would run out of them.
 */
export class ContextShelf {
  readonly #spare: NativeContext[] = [];

  take(): NativeContext | undefined {
    return this.#spare.pop();
  }

  /** For the next engine. Sockets that still linger in it do no harm. */
  giveBack(context: NativeContext): void {
    this.#spare.push(context);
  }
}
