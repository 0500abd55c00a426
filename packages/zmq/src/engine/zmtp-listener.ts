import { createServer, isIP, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { ListenError } from "@trunkline/core/driver";
import type { BodyPool } from "../zmtp/body-pool.js";
import type { MechanismMaker } from "../zmtp/mechanisms/mechanism.js";
import { bindableHost, type EngineAddress, parseEngineAddress, tcpAddress } from "./address.js";
import { DropTally } from "./drop-tally.js";
import type { EngineLink, EngineListener, EngineOptions, LinkHandler } from "./engine.js";
import { restrictIpcFile } from "./ipc-path.js";
import { listenError } from "./listen-error.js";
import { reasonOf } from "./native.js";
import { prepareBind } from "./prepare-bind.js";
import { type ZmtpAcceptedHost, ZmtpAcceptedLink } from "./zmtp-accepted.js";
import type { ZmtpConnection } from "./zmtp-connection.js";
import { abstractPath, pathError } from "./zmtp-path.js";

const BACKLOG = 1_024;

/** How many connections one listener keeps. */
export interface ConnectionBounds {
  /** In all; what comes beyond is ended before it is read. */
  readonly connections: number;
  /** Of one address; what comes beyond is ended too. Those of one machine's sockets have none. */
  readonly connectionsPerAddress: number;
  /** That have not done their handshake. The oldest of them gives way to a new one: who says nothing keeps nobody out. */
  readonly handshakes: number;
}

export interface ZmtpListenerHost {
  readonly options: EngineOptions;
  readonly bodies: BodyPool;
  readonly bounds: ConnectionBounds;
  /** How an accepted connection begins. */
  readonly mechanism: MechanismMaker;
  watch(connection: ZmtpConnection, onSilent: () => void): void;
  released(listener: ZmtpListener): void;
}

/** One server socket, and the connections that were made to it. */
export class ZmtpListener implements EngineListener, ZmtpAcceptedHost {
  readonly address: string;
  readonly #host: ZmtpListenerHost;
  readonly #server: Server;
  readonly #accept: (link: EngineLink) => LinkHandler;
  readonly #dropped: DropTally;
  readonly #links: Set<ZmtpAcceptedLink> = new Set();
  readonly #perAddress: Map<string, number> = new Map();
  /** Those that have not done their handshake, the oldest first. */
  readonly #greeting: Set<ZmtpAcceptedLink> = new Set();
  #accepted = 0;
  #isClosed = false;
  #onLastReleased: () => void = () => {};
  #closing: Promise<void> | undefined;

  private constructor(
    host: ZmtpListenerHost,
    server: Server,
    address: string,
    dropped: DropTally,
    accept: (link: EngineLink) => LinkHandler,
  ) {
    this.#host = host;
    this.#server = server;
    this.address = address;
    this.#dropped = dropped;
    this.#accept = accept;
    server.on("connection", this.#onConnection);
  }

  /** @throws ListenError */
  static async open(
    host: ZmtpListenerHost,
    address: string,
    accept: (link: EngineLink) => LinkHandler,
  ): Promise<ZmtpListener> {
    const parsed = parseEngineAddress(address, "bind");
    const problem = typeof parsed === "string" ? parsed : abstractPath(parsed);
    if (typeof parsed === "string" || problem !== undefined) {
      throw new ListenError(`cannot listen on ${address}: ${problem}`);
    }
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    try {
      await prepareBind(address, parsed);
      await listening(server, parsed);
    } catch (error) {
      throw listenError(address, parsed.transport === "ipc" ? pathError(parsed.path, error) : error);
    }
    const dropped = new DropTally((reason, count) => host.options.onDropped?.(reason, address, count));
    // Where the process has no descriptor left, Node ends the connection and does not even say that.
    server.on("error", (error) => dropped.add(`a connection that could not be accepted: ${reasonOf(error)}`));
    const listener = new ZmtpListener(host, server, boundAddress(server, address), dropped, accept);
    if (parsed.transport === "ipc") await restrictIpcFile(parsed.path);
    return listener;
  }

  get options(): EngineOptions {
    return this.#host.options;
  }

  get bodies(): BodyPool {
    return this.#host.bodies;
  }

  get mechanism(): MechanismMaker {
    return this.#host.mechanism;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    // Frees the address at once, a socket's file too. What was accepted goes on.
    this.#server.close();
    for (const link of this.#links) if (!link.isClosing) link.cut("the listener is closed");
    // Those that were closed in good order are still read by their peers, each until its own time is over.
    if (this.#links.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onLastReleased = resolve;
      });
    }
    this.#dropped.end();
    this.#host.released(this);
  }

  watch(connection: ZmtpConnection, onSilent: () => void): void {
    this.#host.watch(connection, onSilent);
  }

  greeted(link: ZmtpAcceptedLink): void {
    this.#greeting.delete(link);
  }

  accept(link: EngineLink): LinkHandler {
    return this.#accept(link);
  }

  dropped(reason: string): void {
    this.#dropped.add(reason);
  }

  released(link: ZmtpAcceptedLink): void {
    if (!this.#links.delete(link)) return;
    this.#greeting.delete(link);
    const left = (this.#perAddress.get(link.remoteAddress) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(link.remoteAddress);
    else this.#perAddress.set(link.remoteAddress, left);
    if (this.#links.size === 0) this.#onLastReleased();
  }

  readonly #onConnection = (socket: Socket): void => {
    const { remoteAddress = "", remotePort = 0 } = socket;
    const excess = this.#isClosed ? "the listener is closed" : this.#excess(remoteAddress);
    if (excess !== undefined) {
      // It may have been reset meanwhile: nobody is left to hear of it.
      socket.on("error", () => {});
      socket.destroy();
      if (!this.#isClosed) this.#dropped.add(excess);
      return;
    }
    this.#accepted += 1;
    const peer = remoteAddress === "" ? `${this.address}#${this.#accepted}` : tcpAddress(remoteAddress, remotePort);
    this.#perAddress.set(remoteAddress, (this.#perAddress.get(remoteAddress) ?? 0) + 1);
    this.#makeWay();
    const link = new ZmtpAcceptedLink(this, socket, peer, remoteAddress);
    this.#links.add(link);
    this.#greeting.add(link);
  };

  #makeWay(): void {
    const { handshakes } = this.#host.bounds;
    if (this.#greeting.size < handshakes) return;
    const [oldest] = this.#greeting;
    if (oldest === undefined) return;
    this.#greeting.delete(oldest);
    oldest.giveWay(`a connection beyond ${handshakes} that have not greeted yet`);
  }

  /** Which bound is reached, if one is. */
  #excess(remoteAddress: string): string | undefined {
    const { connections, connectionsPerAddress } = this.#host.bounds;
    if (this.#links.size >= connections) return `a connection beyond ${connections}`;
    if (remoteAddress === "" || (this.#perAddress.get(remoteAddress) ?? 0) < connectionsPerAddress) return undefined;
    return `a connection beyond ${connectionsPerAddress} from one address`;
  }
}

/** Resolves when it listens. @throws the system's error. */
async function listening(server: Server, address: EngineAddress): Promise<void> {
  // Without `exclusive` a worker of a cluster would listen through its primary, and be one of several.
  const shared = { backlog: BACKLOG, exclusive: true };
  const where =
    address.transport === "ipc"
      ? { path: address.path }
      : { port: address.port, ...hostToBind(await bindableHost(address.host)) };
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...shared, ...where }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** A network interface stands for its first address; `*` for all, which is Node's own default. */
function hostToBind(host: string): { readonly host?: string } {
  if (host === "*") return {};
  // Without a free descriptor the interfaces cannot be asked for.
  return { host: isIP(host) === 0 ? (networkInterfaces()[host]?.[0]?.address ?? host) : host };
}

function boundAddress(server: Server, address: string): string {
  const bound = server.address();
  return bound === null || typeof bound === "string" ? address : tcpAddress(bound.address, bound.port);
}
