import type { JsonObject, ServerCall, Value } from "@trunkline/core";

/** Of the notes, so many are kept: the latest. */
const MOST_NOTES = 10_000;

/** An endpoint with something of everything, to try a backend or a client by hand. */
export function createReadyMade(server: string): object {
  const notes: JsonObject[] = [];
  return {
    /** Gives the text back. */
    echo({ text }: JsonObject): Value {
      return text ?? null;
    },

    add({ a, b }: JsonObject): number {
      if (typeof a !== "number" || typeof b !== "number") throw new TypeError("add takes two numbers, a and b");
      return a + b;
    },

    fail({ message }: JsonObject): never {
      throw new Error(typeof message === "string" ? message : "failed, as asked");
    },

    /** Ends early where the caller gives up. */
    sleep({ ms }: JsonObject, call: ServerCall): Promise<null> {
      if (typeof ms !== "number" || !(ms >= 0) || ms >= 2 ** 31) {
        throw new TypeError("sleep takes ms, a number of milliseconds");
      }
      return sleep(ms, call.signal);
    },

    whoami(_params: JsonObject, call: ServerCall): JsonObject {
      return { server, context: call.context };
    },

    /** Keeps its params for `seen`; says how many it has. */
    note(params: JsonObject): number {
      if (notes.length === MOST_NOTES) notes.shift();
      return notes.push(params);
    },

    seen(): readonly Value[] {
      return notes;
    },
  };
}

function sleep(ms: number, signal: AbortSignal): Promise<null> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve(null);
    }, ms);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}
