import { BlockList, isIP } from "node:net";
import { InvalidTransportUrlError, ListenError, type TransportUrl } from "@trunkline/core/driver";
import { parseEngineAddress, tcpAddress } from "../engine/address.js";
import type { Lease, ListenerRecord, Matchmaker, TopicKey } from "./matchmaker.js";

/** Peers that are not connected yet may take so long to find a new listener. */
const JOIN_LATENCY_MS = 1_000;

/**
 * Every process that is listed in the URL, and this one's own address to listen on. There is no name service: peers dial
 * each other, and say over their links what they listen to.
 */
export class StaticMatchmaker implements Matchmaker {
  readonly name = "static";
  readonly joinLatencyMs: number = JOIN_LATENCY_MS;
  readonly standingPeers: readonly string[];
  readonly #listenAddress: string | undefined;

  /** `listenAddress` is undefined for a process that only calls. */
  constructor(peers: readonly string[], listenAddress: string | undefined) {
    this.standingPeers = peers;
    this.#listenAddress = listenAddress;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  listenAddress(): Promise<string> {
    if (this.#listenAddress !== undefined) return Promise.resolve(this.#listenAddress);
    return Promise.reject(
      new ListenError(
        "cannot listen: the URL lists peers and no address of this process; add ?bind=HOST:PORT to serve, " +
          "with the host and port that the other processes list",
      ),
    );
  }

  register(_record: ListenerRecord): Promise<Lease> {
    return Promise.resolve(NO_LEASE);
  }

  lookup(_key: TopicKey): Promise<readonly ListenerRecord[]> {
    return Promise.resolve([]);
  }

  watch(_key: TopicKey, _onChange: () => void): () => void {
    return () => {};
  }

  refused(_record: ListenerRecord): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const NO_LEASE: Lease = { withdraw: () => Promise.resolve() };

/** The URL's hosts as addresses to dial. @throws InvalidTransportUrlError (`port`, `host`, `credentials`) */
export function standingPeersOf(url: TransportUrl, security?: string): readonly string[] {
  return url.hosts.map(({ host, port, user, password }) => {
    if (security !== "plain" && (user !== undefined || password !== undefined)) {
      throw new InvalidTransportUrlError(
        "zmq:// takes a user and a password with security=plain alone: add that, or remove them from the URL",
        "credentials",
      );
    }
    const shown = host.includes(":") ? `[${host}]` : host;
    if (port === undefined) {
      throw new InvalidTransportUrlError(
        `the peer ${shown} has no port, and zmq has no default one: write ${shown}:7400`,
        "port",
      );
    }
    const address = tcpAddress(host, port);
    const parsed = parseEngineAddress(address, "dial");
    if (typeof parsed !== "string") return address;
    throw new InvalidTransportUrlError(
      `the peer ${shown}:${port} cannot be dialled: ${parsed}`,
      port === 0 ? "port" : "host",
    );
  });
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/**
 * Turns the option `bind` into an address to listen on, once it is safe to do so: what listens beyond this machine takes
 * messages from whoever reaches the port, so the URL has to say that this is meant. `localhost` and the loopback addresses
 * are this machine; every other name, an interface's too, counts as beyond it, whatever it means today.
 * @throws InvalidTransportUrlError (`option:bind`: no HOST:PORT; `option:security`: beyond this machine)
 */
export function checkBind(bind: string, security: string | undefined): string {
  const address = parseEngineAddress(`tcp://${bind}`, "bind");
  if (typeof address === "string" || address.transport !== "tcp") {
    const problem = typeof address === "string" ? address : "it is no HOST:PORT";
    throw new InvalidTransportUrlError(
      `bind=${bind} is no address to listen on: ${problem}; write bind=HOST:PORT, such as bind=127.0.0.1:7400 or bind=[::1]:7400`,
      "option:bind",
    );
  }
  if (security === undefined && !isLoopback(address.host)) {
    throw new InvalidTransportUrlError(
      `bind=${bind} listens beyond this machine, where anybody who reaches the port could call and answer; bind a loopback ` +
        "address (127.0.0.1, [::1]), say with security=curve or security=plain who may, or add security=none where the network itself keeps strangers out",
      "option:security",
    );
  }
  return tcpAddress(address.host, address.port);
}

function isLoopback(host: string): boolean {
  const version = isIP(host);
  if (version === 0) return host.toLowerCase() === "localhost";
  return LOOPBACK.check(host, version === 4 ? "ipv4" : "ipv6");
}
