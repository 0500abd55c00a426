import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ConformanceHarness, Deviation, RelayEndpoint, TransportRequest } from "@trunkline/conformance";
import { type DriverFactory, openTransport, type Transport } from "@trunkline/core";
import { parseEngineAddress, tcpAddress } from "./engine/address.js";
import { ContextShelf } from "./engine/context-shelf.js";
import { PINNED_CLAIMS } from "./pinned-claims.js";
import { generateCurveKeyPair } from "./security/curve-key.js";
import { ZmqStranger } from "./stranger/zmq-stranger.js";
import { createZmqDriver, driver } from "./zmq-factory.js";

/** A folder of this process's own, so that a run meets no server of the machine that it runs on. */
const RUNTIME_DIR = join(tmpdir(), `trunkline-conformance-${process.pid}`);

/** libzmq's, for strangers: one is left for the next. */
const CONTEXTS = new ContextShelf();

/** A password that no peer is known by. */
const PASSWORD = "kits-own-password";

function urlOf(space: string, runtimeDir: string): string {
  return `zmq:///${encodeURIComponent(space)}?runtimeDir=${encodeURIComponent(runtimeDir)}`;
}

/** Below a file no directory can be made: the matchmaker of this machine is not to be had. */
const DEAD_URL = urlOf("dead", join(fileURLToPath(import.meta.url), "below"));

/** libzmq hears of a frame when it is whole, and answers no probe behind one. */
const SLOW_IS_DEAD: Deviation = {
  caseId: "FLT-06",
  reason:
    "a frame that is under way for longer than heartbeatTimeoutMs is taken for silence by libzmq; engine=zmtp counts bytes",
  url: "packages/zmq/README.md",
  expires: "2027-01-31",
};

/** How long a link may be silent, in heartbeats: as the driver's own defaults have it. */
const SILENT_HEARTBEATS = 3;

function heartbeatQuery(heartbeatMs: number | undefined): string {
  if (heartbeatMs === undefined) return "";
  return `&heartbeatMs=${heartbeatMs}&heartbeatTimeoutMs=${SILENT_HEARTBEATS * heartbeatMs}`;
}

/** The driver, or one that dials each peer through a relay of the kit. */
function driverOf({ via }: Pick<TransportRequest, "via">): DriverFactory {
  const [relay] = via ?? [];
  return relay === undefined ? driver : createZmqDriver({ dialHook: (address) => relayed(address, relay) });
}

/** The TCP address of the relay's door to `address`, whether that is a port or a local socket. */
function relayed(address: string, relay: RelayEndpoint): string {
  const place = parseEngineAddress(address, "dial");
  // The engine says itself what is wrong with it.
  if (typeof place === "string") return address;
  const { host, port } = relay.towards(place.transport === "ipc" ? { path: place.path } : place);
  return tcpAddress(host, port);
}

/** The zmq driver for the conformance kit, on this machine: a space is a realm, and child processes share the runtime directory. */
export const harness: ConformanceHarness = {
  name: driver.name,
  claims: PINNED_CLAIMS,
  versions: async () => ({ [driver.name]: driver.version }),
  isolatesSpaces: true,
  isBrokerless: true,
  teardown: () => rm(RUNTIME_DIR, { recursive: true, force: true }),
  relaysPeers: true,
  offers: ["credentials", "tls", "heartbeat"],
  secrets: [PASSWORD],
  createTransport(request) {
    const { space, options, credentials, tls, heartbeatMs } = request;
    const at = (url: string): Promise<Transport> => openTransport(url, { ...options, drivers: [driverOf(request)] });
    if (credentials !== undefined) return at(`zmq://kit:${PASSWORD}@127.0.0.1:1`);
    return at(`${urlOf(space, RUNTIME_DIR)}${heartbeatQuery(heartbeatMs)}${tls === undefined ? "" : "&tls=true"}`);
  },
  stranger: async (space) => new ZmqStranger(space, RUNTIME_DIR, CONTEXTS),
  createDeadTransport: (options) => openTransport(DEAD_URL, { ...options, drivers: [driver] }),
  workerSource: (space, { heartbeatMs } = {}) => ({
    url: urlOf(space, RUNTIME_DIR) + heartbeatQuery(heartbeatMs),
    options: { resolveFrom: fileURLToPath(import.meta.url) },
  }),
};

/** Whichever engine a transport has, a process that hangs is given the time that `engine=zmtp` gives it. */
const TIMEOUT_MS = 15_000;
/** With libzmq alone, which answers probes while the event loop is blocked, its own default. */
const LIBZMQ_TIMEOUT_MS = 3_000;
const LIBZMQ_DETECTION_MS = 5_000;

/** As {@link harness}, with engines of choice: `engineOf` says which for each transport of this process. With a key for CURVE all have that one. */
function harnessOver(
  name: string,
  engineOf: () => "libzmq" | "zmtp",
  engineOfWorkers: "libzmq" | "zmtp",
  { secretKey, timeoutMs = TIMEOUT_MS }: { readonly secretKey?: string; readonly timeoutMs?: number } = {},
): ConformanceHarness {
  const directory = `${RUNTIME_DIR}-${name}`;
  const security = secretKey === undefined ? "" : `&security=curve&secretKey=${encodeURIComponent(secretKey)}`;
  const urlIn = (space: string, engine: string, heartbeatMs?: number): string => {
    const heartbeat = heartbeatQuery(heartbeatMs) || `&heartbeatTimeoutMs=${timeoutMs}`;
    return `${urlOf(space, directory)}&engine=${engine}${heartbeat}${security}`;
  };
  return {
    ...harness,
    name: `${driver.name} (${name})`,
    teardown: () => rm(directory, { recursive: true, force: true }),
    createTransport(request) {
      if (request.credentials !== undefined || request.tls !== undefined) return harness.createTransport(request);
      const url = urlIn(request.space, engineOf(), request.heartbeatMs);
      return openTransport(url, { ...request.options, drivers: [driverOf(request)] });
    },
    stranger: async (space) => new ZmqStranger(space, directory, CONTEXTS, secretKey),
    createDeadTransport: (options) =>
      openTransport(`${DEAD_URL}&engine=${engineOf()}`, { ...options, drivers: [driver] }),
    workerSource: (space, { heartbeatMs } = {}) => ({
      url: urlIn(space, engineOfWorkers, heartbeatMs),
      options: { resolveFrom: fileURLToPath(import.meta.url) },
    }),
  };
}

/** The zmq driver with `engine=zmtp` named, for the conformance kit. Its strangers speak over libzmq, on Node. */
export const zmtpHarness: ConformanceHarness = harnessOver("zmtp", () => "zmtp", "zmtp");

/** The same with `engine=libzmq`. */
export const libzmqHarness: ConformanceHarness = {
  ...harnessOver("libzmq", () => "libzmq", "libzmq", { timeoutMs: LIBZMQ_TIMEOUT_MS }),
  claims: { ...PINNED_CLAIMS, detectionMs: LIBZMQ_DETECTION_MS },
  deviations: [SLOW_IS_DEAD],
};

/** Both engines on one wire: transports have the one and the other in turn, and child processes libzmq. */
export const mixedHarness: ConformanceHarness = harnessOver("mixed", inTurn(["zmtp", "libzmq"] as const), "libzmq");

/**
 * The zmq driver with CURVE, one key for all, over libzmq's own. `openTransport` meets nobody who
 * could refuse it, so that SEC-01 to SEC-03 are the driver's own tests (packages/zmq/test/driver/secured.test.ts).
 */
export const curveHarness: ConformanceHarness = {
  ...curved("curve", () => "libzmq", "libzmq"),
  deviations: [SLOW_IS_DEAD],
};
/** As {@link curveHarness}, over CURVE in TypeScript. */
export const zmtpCurveHarness: ConformanceHarness = curved("zmtp-curve", () => "zmtp", "zmtp");
/** As {@link curveHarness}, over both in turn. */
export const mixedCurveHarness: ConformanceHarness = curved("mixed-curve", inTurn(["zmtp", "libzmq"] as const), "zmtp");

function curved(
  name: string,
  engineOf: () => "libzmq" | "zmtp",
  engineOfWorkers: "libzmq" | "zmtp",
): ConformanceHarness {
  const { secretKey } = generateCurveKeyPair();
  const over = harnessOver(name, engineOf, engineOfWorkers, { secretKey });
  return {
    ...over,
    claims: { ...PINNED_CLAIMS, tls: true, auth: true },
    offers: ["heartbeat"],
    secrets: [secretKey],
  };
}

function inTurn<Item>(items: readonly [Item, ...Item[]]): () => Item {
  let next = 0;
  return () => items[next++ % items.length] ?? items[0];
}
