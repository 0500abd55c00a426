import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ConformanceHarness } from "@trunkline/conformance";
import { openTransport, type Transport } from "@trunkline/core";
import { ContextShelf } from "./engine/context-shelf.js";
import { PINNED_CLAIMS } from "./pinned-claims.js";
import { ZmqStranger } from "./stranger/zmq-stranger.js";
import { driver } from "./zmq-factory.js";

/** A folder of this process's own, so that a run meets no server of the machine that it runs on. */
const RUNTIME_DIR = join(tmpdir(), `trunkline-conformance-${process.pid}`);

/** libzmq's, for strangers: one is left for the next. */
const CONTEXTS = new ContextShelf();

/** A password that no peer is known by. */
const PASSWORD = "kits-own-password";

function urlOf(space: string, runtimeDir: string): string {
  return `zmq:///${encodeURIComponent(space)}?runtimeDir=${encodeURIComponent(runtimeDir)}`;
}

/** The zmq driver for the conformance kit, on this machine: a space is a realm, and child processes share the runtime directory. */
export const harness: ConformanceHarness = {
  name: driver.name,
  claims: PINNED_CLAIMS,
  versions: async () => ({ [driver.name]: driver.version }),
  isolatesSpaces: true,
  isBrokerless: true,
  teardown: () => rm(RUNTIME_DIR, { recursive: true, force: true }),
  offers: ["credentials", "tls"],
  secrets: [PASSWORD],
  createTransport({ space, options, credentials, tls }) {
    const at = (url: string): Promise<Transport> => openTransport(url, { ...options, drivers: [driver] });
    if (credentials !== undefined) return at(`zmq://kit:${PASSWORD}@127.0.0.1:1`);
    return at(`${urlOf(space, RUNTIME_DIR)}${tls === undefined ? "" : "&tls=true"}`);
  },
  stranger: async (space) => new ZmqStranger(space, RUNTIME_DIR, CONTEXTS),
  // Below a file no directory can be made: the matchmaker of this machine is not to be had.
  createDeadTransport: (options) =>
    openTransport(urlOf("dead", join(fileURLToPath(import.meta.url), "below")), { ...options, drivers: [driver] }),
  workerSource: (space) => ({
    url: urlOf(space, RUNTIME_DIR),
    options: { resolveFrom: fileURLToPath(import.meta.url) },
  }),
};

/** With the engine in TypeScript a process that hangs is given more time. */
const ZMTP_TIMEOUT_MS = 15_000;
const ZMTP_DETECTION_MS = 17_000;

/** As {@link harness}, with engines of choice: `engineOf` says which for each transport of this process. */
function harnessOver(
  name: string,
  engineOf: () => "libzmq" | "zmtp",
  engineOfWorkers: "libzmq" | "zmtp",
): ConformanceHarness {
  const directory = `${RUNTIME_DIR}-${name}`;
  const urlIn = (space: string, engine: string): string =>
    `${urlOf(space, directory)}&engine=${engine}&heartbeatTimeoutMs=${ZMTP_TIMEOUT_MS}`;
  return {
    ...harness,
    name: `${driver.name} (${name})`,
    claims: { ...PINNED_CLAIMS, detectionMs: ZMTP_DETECTION_MS },
    teardown: () => rm(directory, { recursive: true, force: true }),
    createTransport(request) {
      if (request.credentials !== undefined || request.tls !== undefined) return harness.createTransport(request);
      return openTransport(urlIn(request.space, engineOf()), { ...request.options, drivers: [driver] });
    },
    stranger: async (space) => new ZmqStranger(space, directory, CONTEXTS),
    workerSource: (space) => ({
      url: urlIn(space, engineOfWorkers),
      options: { resolveFrom: fileURLToPath(import.meta.url) },
    }),
  };
}

/** The zmq driver with `engine=zmtp`, for the conformance kit. Its strangers speak over libzmq. */
export const zmtpHarness: ConformanceHarness = harnessOver("zmtp", () => "zmtp", "zmtp");

/** Both engines on one wire: transports have the one and the other in turn, and child processes libzmq. */
export const mixedHarness: ConformanceHarness = harnessOver("mixed", inTurn(["zmtp", "libzmq"] as const), "libzmq");

function inTurn<Item>(items: readonly [Item, ...Item[]]): () => Item {
  let next = 0;
  return () => items[next++ % items.length] ?? items[0];
}
