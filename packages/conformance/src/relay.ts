import { once } from "node:events";
import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";
import { fail } from "./check.js";
import type { Endpoint, Place, RelayEndpoint } from "./harness.js";
import { type LinkConditions, RelayFlow } from "./relay-flow.js";

const CLEAR: LinkConditions = Object.freeze({});

const HERE = "127.0.0.1";

/** So many doors stand open for peers to come: a driver asks for one as it dials, and cannot wait for it. */
const SPARE_DOORS = 8;

/** A port of the relay's own, and whither it leads. */
interface Door {
  readonly port: number;
  to: Place | undefined;
  /** Undefined while nobody is let in. */
  server: Server | undefined;
}

/**
 * Stands between a driver and its broker, or between a transport and those that it dials, byte for byte, so that a case can spoil
 * what is between them and see who comes again: delay, throttle, black holes, resets, refusals, cuts in the middle of a frame.
 */
export class Relay {
  /** What a transport is given to dial: see {@link RelayEndpoint}. */
  readonly endpoint: RelayEndpoint;
  readonly #doors: Door[] = [];
  /** By the place, as text. */
  readonly #doorOf = new Map<string, Door>();
  readonly #openings = new Set<Promise<void>>();
  readonly #random: () => number;
  readonly #sockets = new Set<Socket>();
  readonly #flows = new Set<RelayFlow>();
  #isRefusing = false;
  #connections = 0;
  #conditions: LinkConditions = CLEAR;
  #cutAfter: number | undefined;
  #turnsAway = false;
  #bytes = 0;
  #swallowedBytes = 0;

  private constructor(port: number, random: () => number) {
    this.#random = random;
    this.endpoint = Object.freeze({ host: HERE, port, towards: (place: Place) => this.#towards(place) });
  }

  /**
   * A relay on a free port of this machine, in front of `to`; without one, in front of whomever its transport dials, each at a door
   * of its own ({@link RelayEndpoint.towards}).
   * @param random of jitter: uniform in [0, 1)
   */
  static async open(to: Endpoint | undefined, random: () => number = Math.random): Promise<Relay> {
    const door = await openDoor(to);
    const relay = new Relay(door.port, random);
    relay.#add(door);
    if (to === undefined) for (let spare = 0; spare < SPARE_DOORS; spare++) relay.#add(await openDoor(undefined));
    return relay;
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
    for (const socket of this.#sockets) end(socket);
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
    this.#isRefusing = true;
    await Promise.all(this.#openings);
    this.cut();
    await Promise.all(
      this.#doors.map((door) => {
        const { server } = door;
        door.server = undefined;
        return server === undefined ? undefined : new Promise((resolve) => server.close(resolve));
      }),
    );
  }

  /** Takes connections again, at the same ports. */
  async admit(): Promise<void> {
    if (!this.#isRefusing) return;
    this.#isRefusing = false;
    for (const door of this.#doors) {
      door.server = await listening(door.port);
      this.#accept(door, door.server);
    }
  }

  /** Whether it ends each new connection as soon as it is made; those that there are go on. It counts them all the same. */
  turnAway(turnsAway: boolean): void {
    this.#turnsAway = turnsAway;
  }

  /** Ends it, with all that goes through it. */
  close(): Promise<void> {
    return this.refuse();
  }

  #add(door: Door): void {
    this.#doors.push(door);
    if (door.to !== undefined) this.#doorOf.set(JSON.stringify(door.to), door);
    if (door.server !== undefined) this.#accept(door, door.server);
  }

  /** The door that leads to `place`, always the same. */
  #towards(place: Place): Endpoint {
    const key = JSON.stringify(place);
    const known = this.#doorOf.get(key);
    const door = known ?? this.#doors.find(({ to, port }) => to === undefined && port !== this.endpoint.port);
    if (door === undefined) fail(`more than ${SPARE_DOORS} places at once were asked of a relay`);
    if (known === undefined) {
      door.to = place;
      this.#doorOf.set(key, door);
      this.#openSpare();
    }
    return { host: HERE, port: door.port };
  }

  #openSpare(): void {
    const opening = openDoor(undefined)
      .then(async (door) => {
        const { server } = door;
        if (this.#isRefusing && server !== undefined) {
          door.server = undefined;
          await new Promise((resolve) => server.close(resolve));
        }
        this.#add(door);
      })
      .finally(() => this.#openings.delete(opening));
    this.#openings.add(opening);
  }

  #accept(door: Door, server: Server): void {
    server.on("connection", (near) => {
      this.#connections++;
      if (this.#turnsAway || door.to === undefined) {
        near.on("error", () => {});
        near.resetAndDestroy();
        return;
      }
      const far = tcpConnect({ ...door.to, noDelay: true, allowHalfOpen: true });
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

async function openDoor(to: Place | undefined): Promise<Door> {
  const server = await listening(0);
  const address = server.address();
  if (address === null || typeof address === "string") fail("the relay has no port");
  return { port: address.port, to, server };
}

async function listening(port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  await once(server.listen(port, HERE), "listening");
  return server;
}

/** With a reset, where the socket can give one: Node gives none to a local socket, and does not free one that has ended already. */
function end(socket: Socket): void {
  if (socket.writableEnded || socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
