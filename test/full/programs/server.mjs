/** Serves topic `work` and listens to `events`. Each handler writes what it got into the log before it does anything else. */
import { openSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { openTransport } from "@trunkline/core";
import { answer, config } from "./answers.mjs";
import { drivers } from "./drivers.mjs";
import { footprint } from "./footprint.mjs";

const { url, server, log, pools, serves, concurrency, credit } = config;
const file = openSync(log, "a");
const note = (kind, id) => writeSync(file, `${kind} ${id}\n`);

let mostInHand = 0;
const endpoint = {
  async call({ id, holdMs }) {
    note("call", id);
    mostInHand = Math.max(mostInHand, transport.stats().gauges["server.inHand"]);
    if (holdMs > 0) await pause(holdMs);
    return id;
  },
  async cast({ id, holdMs }) {
    note("cast", id);
    if (holdMs > 0) await pause(holdMs);
  },
  fanout({ id }) {
    note("fanout", id);
  },
};
const transport = await openTransport(url, { drivers });
transport.events.on("castsLost", ({ count }) => note("castsLost", count));
transport.events.on("dropped", ({ count, reason }) => note("dropped", `${count} ${reason}`));
if (serves) await transport.serve({ topic: "work", server }, [endpoint], { concurrency, credit });
for (const pool of pools) {
  await transport.listen([{ topic: "events" }], [{ info: ({ payload }) => void note(`event:${pool}`, payload.id) }], {
    pool,
    concurrency,
    credit,
  });
}

answer({
  footprint: () => footprint(transport),
  stats: () => transport.stats(),
  mostInHand: () => mostInHand,
  close: () => transport.close(),
});
