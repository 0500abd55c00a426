import { readdirSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";

/** What the process holds after a collection: bytes, open files, and the transports' gauges. Run with --expose-gc. */
export async function footprint(...transports) {
  for (let round = 0; round < 5; round++) {
    global.gc();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  const openFiles = readdirSync(process.platform === "linux" ? "/proc/self/fd" : "/dev/fd").length;
  return { bytes: heapUsed + external, openFiles, gauges: transports.map((transport) => transport.stats().gauges) };
}
