/** Sends calls, casts, fanouts and events, a burst at a time, and keeps what became of each. */
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { ConnectionLostError, MessagingError, openTransport, TimeoutError } from "@trunkline/core";
import { answer, config } from "./answers.mjs";
import { drivers } from "./drivers.mjs";
import { seededRandom } from "./seeded-random.mjs";

const { url, name, out, seed, servers, timeoutMs, workers, burst, holdMs, pauseMs } = config;
const random = seededRandom(seed);
const upTo = (most) => Math.floor(random() * (most + 1));
const transport = await openTransport(url, { drivers, callTimeoutMs: timeoutMs, sendTimeoutMs: timeoutMs });
const client = transport.client({ topic: "work" });
const directed = servers.map((server) => client.to({ server }));
const notifier = transport.notifier({ publisherId: name, topics: ["events"] });
let castsLost = 0;
transport.events.on("castsLost", ({ count }) => {
  castsLost += count;
});

const records = [];
const unsettled = new Set();
let isOver = false;
let sent = 0;

/** What the error says of the message. Handlers here throw nothing, so that nothing else is to be expected. */
function stateOf(error) {
  if (error instanceof ConnectionLostError) return error.mayHaveRun ? "unknown" : "fail";
  if (error instanceof TimeoutError) return "unknown";
  return error instanceof MessagingError && error.retryable ? "fail" : "strange";
}

async function record(kind, to, act) {
  const id = `${name}-${sent++}`;
  unsettled.add(id);
  const startedAt = performance.now();
  let outcome;
  try {
    const result = await act(id);
    if (kind === "call" && result !== id) outcome = { state: "strange", error: `answered ${JSON.stringify(result)}` };
    else outcome = { state: "ok", accepted: result.accepted };
  } catch (error) {
    outcome = { state: stateOf(error), error: `${error.code}: ${error.message}` };
  }
  unsettled.delete(id);
  records.push({ id, kind, to, tookMs: performance.now() - startedAt, limitMs: timeoutMs, ...outcome });
}

function sendOne() {
  const params = (id) => ({ id, holdMs: upTo(holdMs) });
  const kind = random();
  if (kind < 0.5) return record("call", undefined, (id) => client.call("call", params(id)));
  if (kind < 0.6 && directed.length > 0) {
    const at = upTo(directed.length - 1);
    return record("call", servers[at], (id) => directed[at].call("call", params(id)));
  }
  if (kind < 0.8) return record("cast", undefined, (id) => client.cast("cast", params(id)));
  if (kind < 0.9) return record("fanout", undefined, (id) => client.fanout("fanout", { id }));
  return record("event", undefined, (id) => notifier.info("happened", { id }));
}

async function work() {
  while (!isOver) {
    await Promise.all(Array.from({ length: 1 + upTo(burst - 1) }, sendOne));
    await pause(upTo(pauseMs));
  }
}

let working = [];
answer({
  start() {
    working = Array.from({ length: workers }, work);
  },
  progress: () => ({ settled: records.length, unsettled: [...unsettled], castsLost }),
  /** Ends the load, and answers when all has settled. */
  async stop() {
    isOver = true;
    await Promise.all(working);
  },
  /** Makes so many calls, one after another, and answers with what went wrong. */
  async check({ calls }) {
    const before = records.length;
    for (let at = 0; at < calls; at++) {
      await record("call", undefined, (id) => client.call("call", { id, holdMs: 0 }));
    }
    return records.slice(before).filter(({ state }) => state !== "ok");
  },
  /** Writes down what became of each. */
  save: () => writeFileSync(out, JSON.stringify(records)),
  stats: () => transport.stats(),
  close: () => transport.close(),
});
