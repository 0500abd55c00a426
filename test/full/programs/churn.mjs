/** Asks for ever new names of everything, and measures what that leaves behind. */
import { setTimeout as pause } from "node:timers/promises";
import { openTransport, UnreachableError } from "@trunkline/core";
import { answer, config } from "./answers.mjs";
import { footprint } from "./footprint.mjs";

const { url, shortUrl, server, servesItself } = config;
const { driver } = await import(config.driver);
const transport = await openTransport(url, { drivers: [driver] });
/** Finds nobody soon: for topics that nobody serves. */
const hasty = await openTransport(shortUrl, { drivers: [driver] });
const client = transport.client({ topic: "work" });
/** Where no other process can. */
const own = servesItself ? await openTransport(url, { drivers: [driver] }) : undefined;
const endpoint = {
  async call({ id, holdMs }) {
    if (holdMs > 0) await pause(holdMs);
    return id;
  },
  cast() {},
};
await own?.serve({ topic: "work", server }, [endpoint]);
await own?.listen([{ topic: "events" }], [{ info() {} }]);
const notifier = transport.notifier({ publisherId: "churn", topics: ["events"] });
let count = 0;
let isBeating = false;
let beating;

/** So many at once, until all are done. */
async function each(total, atOnce, act) {
  let next = 0;
  const worker = async () => {
    while (next < total) await act(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

answer({
  /** A call now and then, so that its link is never idle and keeps what it remembers. */
  beat() {
    isBeating = true;
    const pulse = async () => {
      while (isBeating) await client.call("call", { id: "pulse", holdMs: 20 });
    };
    beating = pulse();
  },
  async hush() {
    isBeating = false;
    await beating;
  },
  /** Plain traffic of every kind, over a client made for each message. */
  traffic: ({ messages }) =>
    each(messages, 64, async () => {
      const id = `m${count++}`;
      const mine = count % 2 === 0 ? client.to({ server }) : client.to({ timeoutMs: 60_000 + count });
      if (count % 4 === 0) await notifier.info(`type-${count}`, { id });
      else if (count % 4 === 1) await mine.cast("cast", { id, holdMs: 0 });
      else await mine.call("call", { id, holdMs: 0 });
    }),
  /** Methods that nobody has, each of another name. */
  async methods({ names }) {
    let refused = 0;
    await each(names, 64, async () => {
      try {
        await client.call(`method-${count++}`);
      } catch (error) {
        if (error.code === "ERR_NO_SUCH_METHOD") refused++;
      }
    });
    return refused;
  },
  /** Topics that nobody serves, and servers that a topic does not have, each of another name. */
  async nobody({ names }) {
    let unreachable = 0;
    await each(2 * names, 256, async (at) => {
      const target = at % 2 === 0 ? { topic: `topic-${count++}` } : { topic: "work", server: `server-${count++}` };
      try {
        await hasty.client(target).call("call", { id: "none", holdMs: 0 });
      } catch (error) {
        if (error instanceof UnreachableError) unreachable++;
      }
    });
    return unreachable;
  },
  /** Opens transports, a call and a listener each, and closes them. */
  transports: ({ times }) =>
    each(times, 4, async (at) => {
      const one = await openTransport(url, { drivers: [driver] });
      await one.serve({ topic: `own-${count++}`, server: "own" }, [{ ping: () => at }]);
      await one.client({ topic: "work" }).call("call", { id: "transport", holdMs: 0 });
      await one.close();
    }),
  footprint: () => footprint(transport, hasty),
  async close() {
    await Promise.all([transport.close(), hasty.close(), own?.close()]);
  },
});
