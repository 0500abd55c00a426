import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ConformanceHarness } from "@trunkline/conformance";
import { openTransport } from "@trunkline/core";
import { driver } from "./zmq-factory.js";

/** A folder of this process's own, so that a run meets no server of the machine that it runs on. */
const RUNTIME_DIR = join(tmpdir(), `trunkline-conformance-${process.pid}`);

function urlOf(space: string, runtimeDir: string): string {
  return `zmq:///${encodeURIComponent(space)}?runtimeDir=${encodeURIComponent(runtimeDir)}`;
}

/** The zmq driver for the conformance kit, on this machine: a space is a realm, and child processes share the runtime directory. */
export const harness: ConformanceHarness = {
  name: driver.name,
  isolatesSpaces: true,
  isBrokerless: true,
  teardown: () => rm(RUNTIME_DIR, { recursive: true, force: true }),
  createTransport: ({ space, options }) => openTransport(urlOf(space, RUNTIME_DIR), { ...options, drivers: [driver] }),
  // Below a file no directory can be made: the matchmaker of this machine is not to be had.
  createDeadTransport: (options) =>
    openTransport(urlOf("dead", join(fileURLToPath(import.meta.url), "below")), { ...options, drivers: [driver] }),
  workerSource: (space) => ({
    url: urlOf(space, RUNTIME_DIR),
    options: { resolveFrom: fileURLToPath(import.meta.url) },
  }),
};
