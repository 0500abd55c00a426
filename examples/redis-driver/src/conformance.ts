import { fileURLToPath } from "node:url";
import type { ConformanceHarness } from "@trunkline/conformance";
import { openTransport } from "@trunkline/core";
import { driver } from "./index.js";
import { PrivateRedis } from "./private-redis.js";

const HERE = fileURLToPath(import.meta.url);

let started: PrivateRedis | undefined;

function urlOf(space: string): string {
  if (started === undefined) throw new Error("the Redis of this run was not started: setup() comes first");
  return `redis://127.0.0.1:${started.port}/${encodeURIComponent(space)}`;
}

/** This driver for the conformance kit, over a Redis of the run's own. A space is a realm. */
export const harness: ConformanceHarness = {
  name: driver.name,
  isolatesSpaces: true,
  // Each message is a command and a write of its own.
  timing: { scale: 2 },

  async setup() {
    started = await PrivateRedis.start();
  },

  async teardown() {
    await started?.process.end();
    started = undefined;
  },

  createTransport: ({ space, options }) => openTransport(urlOf(space), { ...options, drivers: [driver] }),
  // Nothing listens at the first port.
  createDeadTransport: (options) => openTransport("redis://127.0.0.1:1", { ...options, drivers: [driver] }),
  // A child process finds this package by its name.
  workerSource: (space) => ({ url: urlOf(space), options: { resolveFrom: HERE } }),
};
