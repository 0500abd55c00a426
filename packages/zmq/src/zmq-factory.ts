import {
  AbortError,
  type Capabilities,
  type Driver,
  type DriverFactory,
  type DriverHost,
  type OpenOptions,
  type TransportUrl,
} from "@trunkline/core/driver";
import { ContextShelf } from "./engine/context-shelf.js";
import type { Engine, EngineOptions } from "./engine/engine.js";
import { createLibzmqEngine } from "./engine/libzmq-engine.js";
import { createZmtpEngine } from "./engine/zmtp-engine.js";
import { createMatchmaker } from "./matchmaker/create-matchmaker.js";
import { capabilitiesOf, optionsSchema, readOptions, type ZmqOptions } from "./options.js";
import { readSecurity, type Secrets } from "./security/read-security.js";
import { DropTally, ZmqDriver } from "./zmq-driver.js";
import { loadSodium } from "./zmtp/crypto/load-sodium.js";

/** A batch and the greeting fit whatever the bound for messages is; records have a header besides. */
const FRAME_SLACK_BYTES = 256 * 1024;
/** An accepted link that has not said a word for so long is over, where libzmq does not tell that it is. */
const SILENT_MS = 60_000;

/** What a driver of one's own may be given beside the URL. */
export interface ZmqDriverSettings {
  /** What the URL and its files do not say, with `security=plain` or `curve`. @default none */
  readonly secrets?: Secrets;
  /** Where an address is really dialled: for proxies between, and for faults in tests. @default where it says */
  readonly dialHook?: (address: string) => string;
}

/** The driver with settings that no URL can carry. */
export function createZmqDriver(settings: ZmqDriverSettings = {}): DriverFactory {
  const dialHook = settings.dialHook ?? ((address) => address);
  const contexts = new ContextShelf();
  /** The one that the URL asks for. Neither loads anything yet but the library for CURVE, and zmtp never loads libzmq. */
  const createEngine = async (which: ZmqOptions["engine"], options: EngineOptions): Promise<Engine> => {
    if (which === "libzmq") return createLibzmqEngine({ ...options, contexts });
    const sodium = options.security?.mechanism === "curve" ? await loadSodium() : undefined;
    return createZmtpEngine({ ...options, sodium });
  };
  return {
    scheme: "zmq",
    name: "@trunkline/zmq",
    version: "0.1.0",
    options: optionsSchema,

    capabilities(url: TransportUrl): Capabilities {
      const options = readOptions(url);
      return capabilitiesOf(options, isStatic(url, options.bind));
    },

    async open(url: TransportUrl, host: DriverHost, { signal }: OpenOptions): Promise<Driver> {
      const options = readOptions(url);
      const { bind, security, runtimeDir, heartbeatMs, heartbeatTimeoutMs, maxMessageBytes } = options;
      const tally = new DropTally();
      const secured = await readSecurity(url, options, settings.secrets);
      const matchmaker = createMatchmaker(url, { bind, security, runtimeDir, onDropped: tally.add });
      const engine = await createEngine(options.engine, {
        maxFrameBytes: maxMessageBytes + FRAME_SLACK_BYTES,
        heartbeatMs,
        heartbeatTimeoutMs,
        handshakeMs: heartbeatTimeoutMs,
        silentMs: SILENT_MS,
        security: secured,
        onDropped: tally.add,
      });
      await matchmaker.open();
      if (signal?.aborted === true) {
        await matchmaker.close();
        throw new AbortError("opening the transport was aborted", { cause: signal.reason });
      }
      const capabilities = capabilitiesOf(options, isStatic(url, bind));
      return new ZmqDriver({ realm: url.realm, host, options, capabilities, engine, matchmaker, tally, dialHook });
    },
  };
}

/**
 * Trunkline's reference driver: brokerless ZeroMQ. `zmq://[/realm][?option=value]` for the processes of one user on this machine,
 * `zmq://HOST:PORT,…[?bind=HOST:PORT]` for peers that are listed.
 */
export const driver: DriverFactory = createZmqDriver();

function isStatic(url: TransportUrl, bind: string | undefined): boolean {
  return url.hosts.length > 0 || bind !== undefined;
}
