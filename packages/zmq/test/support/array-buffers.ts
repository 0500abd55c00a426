import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/** Bytes of array buffers that something still holds, as far as the engine can know: after it has collected. */
export async function heldArrayBuffers(): Promise<number> {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    // Node gives it to new contexts only, once the flag was set.
    collect = runInNewContext("gc") as () => void;
  }
  for (let round = 0; round < 3; round++) {
    collect();
    await turn();
  }
  return process.memoryUsage().arrayBuffers;
}
