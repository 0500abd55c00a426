/** Emits events of 64 KiB as fast as it may, and keeps what became of each and how much memory that took. */
import { setImmediate as turn } from "node:timers/promises";
import { openTransport } from "@trunkline/core";
import { driver } from "@trunkline/zmq";
import { answer, config } from "./answers.mjs";

const transport = await openTransport(config.url, { drivers: [driver], sendTimeoutMs: config.timeoutMs });
const notifier = transport.notifier({ publisherId: "stream", topics: ["events"] });
const padding = "x".repeat(64 * 1024);
const records = [];
const unsettled = new Set();
let sent = 0;
let streaming;
let peakBytes = 0;

/** What is held after a collection; without it, what a refused event left would count too. Run with --expose-gc. */
async function heldBytes() {
  // Buffers are given back some time after the first.
  for (let round = 0; round < 3; round++) {
    global.gc();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function emit() {
  const id = `e-${sent++}`;
  unsettled.add(id);
  try {
    const { accepted, lost } = await notifier.info("happened", { id, padding });
    records.push({ id, state: accepted === 1 && lost === 0 ? "ok" : "strange", error: `${accepted} ${lost}` });
  } catch (error) {
    records.push({ id, state: error.code === "ERR_OVERLOADED" ? "refused" : "strange", error: error.message });
  }
  unsettled.delete(id);
}

answer({
  /** One after another, some at a time. */
  async steady({ events }) {
    for (let at = 0; at < events; at += 8) await Promise.all(Array.from({ length: 8 }, emit));
  },
  /** So many, without waiting for any. */
  async flood({ events }) {
    const before = await heldBytes();
    const last = sent + events;
    peakBytes = before;
    const stream = async () => {
      while (sent < last) {
        for (let at = 0; at < 4; at++) void emit();
        await turn();
        if (sent % 256 === 0) peakBytes = Math.max(peakBytes, await heldBytes());
      }
    };
    streaming = stream();
    return before;
  },
  progress: () => ({
    sent,
    unsettled: unsettled.size,
    refused: records.filter(({ state }) => state === "refused").length,
  }),
  /** Answers with the most memory that it had, once all of the flood has been offered. */
  async peak() {
    await streaming;
    return peakBytes;
  },
  settled: () => ({ records, unsettled: [...unsettled] }),
  close: () => transport.close(),
});
