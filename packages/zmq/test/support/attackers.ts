import { connect, type Socket } from "node:net";
import { SeededNumbers } from "./hostile-streams.js";
import { until } from "./until.js";
import { commandBytes, DEALER_PREFACE, frameBytes, greetingBytes } from "./zmtp-bytes.js";

const AT_ONCE = 200;
const DRIP_MS = 100;
const DEADLINE_MS = 120_000;

/** What some say before they go, or stay: nothing, other protocols, parts of a handshake, lies about lengths, noise. */
const SAYINGS: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from("GET / HTTP/1.1\r\n\r\n"),
  greetingBytes().subarray(0, 20),
  greetingBytes(),
  greetingBytes({ mechanism: "CURVE" }),
  Buffer.concat([greetingBytes(), Buffer.from("06000000000fffffff", "hex")]),
  DEALER_PREFACE,
  Buffer.concat([DEALER_PREFACE, frameBytes("hello")]),
  Buffer.concat([DEALER_PREFACE, Buffer.from("02ffffffffffffffff", "hex")]),
  Buffer.concat([DEALER_PREFACE, Buffer.from("020000000000ffffff", "hex"), Buffer.alloc(1_000)]),
];
/** A frame of 1 MiB of which little comes. */
const UNFINISHED: Buffer = Buffer.concat([
  DEALER_PREFACE,
  Buffer.from("020000000000100000", "hex"),
  Buffer.alloc(1_000),
]);
const PINGS: Buffer = Buffer.concat(Array.from({ length: 4_000 }, () => commandBytes("PING", Buffer.alloc(18))));

/** Those who connect to a port of this machine and mean no good. */
export class Attackers {
  readonly #port: number;
  readonly #numbers: SeededNumbers;
  readonly #sockets: Set<Socket> = new Set();
  readonly #timers: NodeJS.Timeout[] = [];
  /** How many connections they made. */
  made = 0;

  constructor(port: number, seed: number) {
    this.#port = port;
    this.#numbers = new SeededNumbers(seed);
  }

  /** As fast as they can: each says one of the sayings and goes, some by a reset. Resolves when the last has gone. */
  async comeAndGo(count: number): Promise<void> {
    for (let came = 0; came < count; came += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, count - came) }, () => this.#connect());
      for (const socket of some) {
        const says = this.#numbers.below(12);
        const bytes = SAYINGS[says] ?? Buffer.concat([DEALER_PREFACE, this.#numbers.bytes(200)]);
        if (this.#numbers.below(3) > 0) socket.end(bytes);
        else socket.write(bytes, () => socket.resetAndDestroy());
      }
      await this.#gone(some);
    }
  }

  /** They connect and never speak. */
  mute(count: number): Socket[] {
    return Array.from({ length: count }, () => this.#connect());
  }

  /** They greet a byte at a time. */
  drip(count: number): Socket[] {
    const sockets = this.mute(count);
    let at = 0;
    this.#timers.push(
      setInterval(() => {
        for (const socket of sockets) if (socket.writable) socket.write(DEALER_PREFACE.subarray(at, at + 1));
        at = (at + 1) % 60;
      }, DRIP_MS),
    );
    return sockets;
  }

  /** They greet, begin a frame, and say nothing more: not that they are alive either. */
  silent(count: number): Socket[] {
    return this.#saying(count, UNFINISHED);
  }

  /** Some of either kind after another, since the system drops what comes faster than it is accepted. Resolves when each has been connected. */
  async crowd(kind: "mute" | "silent", count: number): Promise<Socket[]> {
    const all: Socket[] = [];
    while (all.length < count) {
      const some = this[kind](Math.min(AT_ONCE, count - all.length));
      all.push(...some);
      await until(() => some.every(({ connecting }) => !connecting), "they are connected", DEADLINE_MS);
    }
    return all;
  }

  /** They begin a frame, and send a byte of it now and then, for ever. */
  unfinished(count: number): Socket[] {
    const sockets = this.silent(count);
    this.#timers.push(
      setInterval(() => {
        for (const socket of sockets) if (socket.writable) socket.write(Buffer.of(0));
      }, DRIP_MS),
    );
    return sockets;
  }

  /** They send PINGs as fast as they can, and read no answer. */
  deaf(count: number): Socket[] {
    const sockets = this.#saying(count, DEALER_PREFACE);
    for (const socket of sockets) {
      socket.pause();
      const flood = (): void => {
        while (socket.writable && socket.write(PINGS));
        if (socket.writable) socket.once("drain", () => this.#timers.push(setTimeout(flood, DRIP_MS)));
      };
      socket.once("connect", flood);
    }
    return sockets;
  }

  /** Resolves when the other side has ended all of these. */
  async untilEnded(sockets: readonly Socket[]): Promise<void> {
    await this.#gone(sockets);
  }

  /** All that are left go. */
  async end(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    await until(() => this.#sockets.size === 0, "they have gone", DEADLINE_MS);
  }

  #saying(count: number, bytes: Buffer): Socket[] {
    const sockets = this.mute(count);
    for (const socket of sockets) socket.write(bytes);
    return sockets;
  }

  #connect(): Socket {
    const socket = connect({ port: this.#port, host: "127.0.0.1" });
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.resume();
    this.#sockets.add(socket);
    this.made += 1;
    return socket;
  }

  async #gone(sockets: readonly Socket[]): Promise<void> {
    const left = (): number => sockets.filter((socket) => this.#sockets.has(socket)).length;
    await until(
      () => left() === 0,
      () => `${left()} of ${sockets.length} have not gone`,
      DEADLINE_MS,
    );
  }
}
