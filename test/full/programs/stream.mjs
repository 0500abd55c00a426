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
let isOver = false;
let streaming;
let peakBytes = 0;

function measure() {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
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
  /** Without waiting for any, until it is told to stop. */
  flood() {
    global.gc();
    const before = process.memoryUsage.rss();
    peakBytes = before;
    const stream = async () => {
      while (!isOver) {
        for (let at = 0; at < 4; at++) void emit();
        await turn();
        measure();
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
  async stop() {
    isOver = true;
    await streaming;
    return peakBytes;
  },
  settled: () => ({ records, unsettled: [...unsettled] }),
  close: () => transport.close(),
});
