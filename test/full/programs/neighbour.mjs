/** Calls one after another, in a few lines at once, until it is told to stop; and keeps what became of each. */
import { openTransport } from "@trunkline/core";
import { answer, config } from "./answers.mjs";
import { drivers } from "./drivers.mjs";
import { footprint } from "./footprint.mjs";

const { url, name, lines } = config;
const transport = await openTransport(url, { drivers, callTimeoutMs: 30_000 });
const client = transport.client({ topic: "work" });

let isOver = false;
let made = 0;
let slowestMs = 0;
const wrong = [];

async function line() {
  while (!isOver) {
    const id = `${name}-${made++}`;
    const startedAt = performance.now();
    try {
      const result = await client.call("call", { id, holdMs: 0 });
      if (result !== id) wrong.push(`${id}: ${JSON.stringify(result)}`);
    } catch (error) {
      wrong.push(`${id}: ${error.code} ${error.message}`);
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
  }
}

let running;
answer({
  begin() {
    running = Promise.all(Array.from({ length: lines }, line));
  },
  /** Answers when the last call is settled. */
  async stop() {
    isOver = true;
    await running;
    return { made, wrong, slowestMs };
  },
  progress: () => made,
  footprint: () => footprint(transport),
  close: () => transport.close(),
});
