/** One slice of load in the client's process: closed-loop callers, or windows of casts, for a given time. */
import { performance } from "node:perf_hooks";
import { PAYLOADS } from "./payloads.mjs";

const percentile = (sorted, p) =>
  sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];

/** `callers` callers, each with one call in flight, until `end`, and one call at least. How long each call took, in ms. */
async function closedLoop(client, { callers, payload }, end) {
  const make = PAYLOADS[payload];
  const latencies = [];
  let issued = 0;
  const caller = async () => {
    let before = performance.now();
    do {
      issued += 1;
      await client.call(make(issued));
      const after = performance.now();
      latencies.push(after - before);
      before = after;
    } while (before < end);
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return latencies;
}

/** Those of `beside` run for the same time. They are not among the calls that are counted, but have a count of their own. */
async function calls(client, column) {
  const started = performance.now();
  const end = started + column.ms;
  const counted = closedLoop(client, column, end);
  const bulk = column.beside === undefined ? [] : closedLoop(client, column.beside, end);
  const latencies = await counted;
  const ms = performance.now() - started;
  const besideCount = (await bulk).length;
  latencies.sort((a, b) => a - b);
  const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)];
  return { count: latencies.length, besideCount, ms, p50, p99 };
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
  return { count, besideCount: 0, ms: performance.now() - started, p50: 0, p99: 0 };
}

export function measure(client, column) {
  return column.window === undefined ? calls(client, column) : casts(client, column);
}
