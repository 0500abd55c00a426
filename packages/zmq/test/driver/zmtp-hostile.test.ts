import { readdirSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { Attackers } from "../support/attackers.js";
import { freePort } from "../support/free-port.js";
import { opened } from "../support/transports.js";
import { until } from "../support/until.js";

const SEED = Number(process.env["TRUNKLINE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const WORKERS = 4;

const openFiles = (): number => (process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0);

test(`strangers of every kind on its port cost neighbours no call, with number ${SEED}`, async () => {
  const port = await freePort();
  const server = await opened(`zmq://?bind=127.0.0.1:${port}&engine=zmtp&heartbeatTimeoutMs=2000`);
  const handled: number[] = [];
  await server.serve({ topic: "t", server: "s" }, [{ note: ({ id }: { id: number }) => handled.push(id) && id }]);
  const client = (await opened(`zmq://127.0.0.1:${port}?engine=zmtp`)).client({ topic: "t" });
  await client.call("note", { id: -1 });
  const before = openFiles();

  let isOver = false;
  let next = 0;
  const wrong: unknown[] = [];
  const call = async (): Promise<void> => {
    while (!isOver) {
      const id = next++;
      const answer = await client.call("note", { id }).catch((error: unknown) => error);
      if (answer !== id) wrong.push(answer);
    }
  };
  const neighbours = Promise.all(Array.from({ length: WORKERS }, call));

  const attackers = new Attackers(port, SEED);
  onTestFinished(() => attackers.end());
  const held = [...attackers.unfinished(40), ...attackers.deaf(10)];
  const ended = [...attackers.mute(40), ...attackers.drip(40)];
  await attackers.comeAndGo(600);
  await attackers.untilEnded(ended);
  // Who has greeted, and answers, may stay; it is bounded.
  expect(held.length).toBe(50);
  await attackers.end();
  isOver = true;
  await neighbours;

  expect(wrong).toEqual([]);
  expect(next).toBeGreaterThan(100);
  expect(handled.toSorted((a, b) => a - b)).toEqual(Array.from({ length: next + 1 }, (_, index) => index - 1));
  await until(
    () => openFiles() <= before,
    () => `descriptors came back: ${openFiles()} of ${before}`,
  );
  expect(server.stats().counters["dropped"]).toBeGreaterThan(80);
  expect(server.stats().gauges["server.links"]).toBe(1);
}, 120_000);
