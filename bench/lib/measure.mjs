/** One slice of load in the client's process: closed-loop callers, or windows of casts, for a given time. */
import { performance } from "node:perf_hooks";
import { PAYLOADS } from "./payloads.mjs";

const percentile = (sorted, p) =>
  sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];

/** `callers` callers, each with one call in flight, until the time is up. */
async function calls(client, { callers, payload, ms }) {
  const make = PAYLOADS[payload];
  const latencies = [];
  let issued = 0;
  const started = performance.now();
  const end = started + ms;
  const caller = async () => {
    while (true) {
      const before = performance.now();
      if (before >= end) return;
      issued += 1;
      await client.call(make(issued));
      latencies.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const elapsed = performance.now() - started;
  latencies.sort((a, b) => a - b);
  return { count: latencies.length, ms: elapsed, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
}

/** Windows of casts, one after another: a window ends when the other process has accepted all of it. */
async function casts(client, { window, payload, ms }) {
  const make = PAYLOADS[payload];
  let count = 0;
  const started = performance.now();
  while (performance.now() - started < ms) {
    const params = Array.from({ length: window }, (_, i) => make(count + i));
    await client.castWindow(params);
    count += window;
  }
  return { count, ms: performance.now() - started, p50: 0, p99: 0 };
}

export function measure(client, column) {
  return column.window === undefined ? calls(client, column) : casts(client, column);
}
