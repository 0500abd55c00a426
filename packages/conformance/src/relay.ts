import { once } from "node:events";
import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";
import { fail } from "./check.js";
import type { Endpoint } from "./harness.js";
import { type LinkConditions, RelayFlow } from "./relay-flow.js";

const CLEAR: LinkConditions = Object.freeze({});

/**
 * Stands between a driver and its broker, byte for byte, so that a case can spoil what is between them and see who comes again:
 * delay, throttle, black holes, resets, refusals, cuts in the middle of a frame.
 */
export class Relay {
  readonly endpoint: Endpoint;
  readonly #to: Endpoint;
  readonly #random: () => number;
  readonly #sockets = new Set<Socket>();
  readonly #flows = new Set<RelayFlow>();
  #server: Server | undefined;
  #connections = 0;
  #conditions: LinkConditions = CLEAR;
  #cutAfter: number | undefined;
  #turnsAway = false;
  #bytes = 0;
  #swallowedBytes = 0;

  private constructor(endpoint: Endpoint, to: Endpoint, server: Server, random: () => number) {
    this.endpoint = endpoint;
    this.#to = to;
    this.#random = random;
    this.#server = server;
    this.#accept(server);
  }

  /**
   * A relay on a free port of this machine, in front of `to`.
   * @param random of jitter: uniform in [0, 1)
   */
  static async open(to: Endpoint, random: () => number = Math.random): Promise<Relay> {
    const server = await listening(0);
    const address = server.address();
    if (address === null || typeof address === "string") fail("the relay has no port");
    return new Relay({ host: "127.0.0.1", port: address.port }, to, server, random);
  }

  /** How many connections came through so far. */
  get connections(): number {
    return this.#connections;
  }

  /** How many bytes the driver has sent through it so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many bytes, of both ways, went nowhere so far. */
  get swallowedBytes(): number {
    return this.#swallowedBytes;
  }

  /** From now on bytes fare so, on connections that there are and on new ones. Without any: as they come. */
  set(conditions: LinkConditions = CLEAR): void {
    this.#conditions = conditions;
  }

  /** Ends every connection at once; new ones come through. Whether a side sees an end or a reset first is chance. */
  cut(): void {
    this.#cutAfter = undefined;
    for (const socket of this.#sockets) {
      // Node does not free a socket that was already ended and is then reset.
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
    for (const flow of this.#flows) flow.stop();
    this.#flows.clear();
    this.#sockets.clear();
  }

  /** Lets so many bytes more of the driver's through, wherever in a frame that is, and then {@link Relay.cut}s. Once. */
  cutAfter(bytes: number): void {
    this.#cutAfter = bytes;
  }

  /** Ends every connection, and takes no new one: whoever tries is refused. Resolves when that is so. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.cut();
    if (server === undefined) return;
    await new Promise((resolve) => server.close(resolve));
  }

  /** Takes connections again, at the same port. */
  async admit(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#server = await listening(this.endpoint.port);
    this.#accept(this.#server);
  }

  /** Whether it ends each new connection as soon as it is made; those that there are go on. It counts them all the same. */
  turnAway(turnsAway: boolean): void {
    this.#turnsAway = turnsAway;
  }

  /** Ends it, with all that goes through it. */
  close(): Promise<void> {
    return this.refuse();
  }

  #accept(server: Server): void {
    server.on("connection", (near) => {
      this.#connections++;
      if (this.#turnsAway) {
        near.on("error", () => {});
        near.resetAndDestroy();
        return;
      }
      const far = tcpConnect({ ...this.#to, noDelay: true, allowHalfOpen: true });
      near.setNoDelay(true);
      this.#sockets.add(near).add(far);
      const rules = {
        conditions: () => this.#conditions,
        swallowed: (bytes: number) => {
          this.#swallowedBytes += bytes;
        },
        random: this.#random,
      };
      const flows = [
        new RelayFlow(near, far, "requests", { ...rules, passes: (bytes) => this.#sent(bytes) }),
        new RelayFlow(far, near, "replies", { ...rules, passes: (bytes) => bytes }),
      ];
      for (const flow of flows) this.#flows.add(flow);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        // A side that breaks takes the other with it, where it would hear of it; why, is the driver's business.
        socket.on("error", () => this.#broke(other));
        socket.on("close", () => {
          this.#sockets.delete(socket);
          if (!this.#sockets.has(other)) for (const flow of flows) this.#flows.delete(flow);
        });
      }
    });
  }

  #broke(other: Socket): void {
    if (this.#conditions.swallows === "both") return;
    other.destroy();
  }

  /** What of the driver's bytes goes on. */
  #sent(bytes: Buffer): Buffer {
    this.#bytes += bytes.length;
    if (this.#cutAfter === undefined) return bytes;
    if (bytes.length < this.#cutAfter) {
      this.#cutAfter -= bytes.length;
      return bytes;
    }
    const last = bytes.subarray(0, this.#cutAfter);
    this.#cutAfter = undefined;
    // What is left of them is on its way first.
    setImmediate(() => this.cut());
    return last;
  }
}

async function listening(port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  await once(server.listen(port, "127.0.0.1"), "listening");
  return server;
}
