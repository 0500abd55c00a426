/** What a hostile or broken peer may say: a good stream that was changed, made from a number alone, so that it can be made again. */
import { plainClient, plainServer } from "../../src/zmtp/mechanisms/plain-mechanism.js";
import type { SessionOptions } from "../../src/zmtp/session.js";
import { commandBytes, frameBytes, greetingBytes, propertyBytes, readyBytes } from "./zmtp-bytes.js";

/** Numbers from 0 up to a bound, ever the same for one seed (a Weyl sequence through a mixer). */
export class SeededNumbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number, at least 0 and less than `bound`. */
  below(bound: number): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return Math.floor((((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32) * bound);
  }

  of<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.below(items.length)] ?? items[0];
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; at++) bytes[at] = this.below(256);
    return bytes;
  }
}

/** A side of a session that is to be tested, and what a good peer says to it before its first message. */
interface Side {
  readonly name: string;
  readonly options: Partial<SessionOptions>;
  readonly greeting: Buffer;
  readonly handshake: readonly Buffer[];
}

const identity = propertyBytes("Identity", "me");
const credentials = { user: Buffer.from("user"), password: Buffer.from("secret") };
const hello = commandBytes("HELLO", Buffer.from("\x04user\x06secret"));
const initiate = commandBytes("INITIATE", Buffer.concat([propertyBytes("Socket-Type", "DEALER"), identity]));

const SIDES: readonly [Side, ...Side[]] = [
  {
    name: "a listener without a mechanism",
    options: {},
    greeting: greetingBytes(),
    handshake: [readyBytes("DEALER", identity, propertyBytes("X-Other", "1"))],
  },
  {
    name: "a dialer without a mechanism, of 3.0",
    options: { socketType: "DEALER", minor: 0, identity: Buffer.from("d") },
    greeting: greetingBytes({ minor: 0 }),
    handshake: [readyBytes("ROUTER")],
  },
  {
    name: "a listener with passwords",
    options: { mechanism: plainServer((user, password) => `${user}:${password}` === "user:secret") },
    greeting: greetingBytes({ mechanism: "PLAIN" }),
    handshake: [hello, initiate],
  },
  {
    name: "a dialer with a password",
    options: { socketType: "DEALER", mechanism: plainClient(credentials) },
    greeting: greetingBytes({ mechanism: "PLAIN" }),
    handshake: [commandBytes("WELCOME"), readyBytes("ROUTER")],
  },
];

/** The part of a stream that was changed. */
export type HostilePart = "greeting" | "commands" | "frames";
const PARTS: readonly [HostilePart, ...HostilePart[]] = ["greeting", "commands", "frames"];

export interface HostileStream {
  /** Which it was made from: for people. */
  readonly what: string;
  readonly part: HostilePart;
  /** The side that hears it. */
  readonly options: Partial<SessionOptions>;
  readonly bytes: Buffer;
  /** The same bytes, cut. */
  readonly pieces: readonly Buffer[];
}

/** The stream of that number. */
export function hostileStream(seed: number): HostileStream {
  const numbers = new SeededNumbers(seed);
  const side = numbers.of(SIDES);
  const part = numbers.of(PARTS);
  const parts: Record<HostilePart, Buffer> = {
    greeting: side.greeting,
    commands: Buffer.concat(side.handshake),
    frames: Buffer.concat(Array.from({ length: 1 + numbers.below(6) }, () => someItem(numbers))),
  };
  const changes = 1 + numbers.below(4);
  for (let made = 0; made < changes; made++) parts[part] = changed(parts[part], numbers);
  const bytes = Buffer.concat([parts.greeting, parts.commands, parts.frames]);
  return {
    what: `to ${side.name}, with other ${part}`,
    part,
    options: side.options,
    bytes,
    pieces: cut(bytes, numbers),
  };
}

/** What may stand between two messages, or is one. */
function someItem(numbers: SeededNumbers): Buffer {
  switch (numbers.below(8)) {
    case 0:
      return commandBytes("PING", numbers.bytes(2 + numbers.below(17)));
    case 1:
      return commandBytes("PONG", numbers.bytes(numbers.below(16)));
    case 2:
      return commandBytes(numbers.of(["NEWS", "READY", "ERROR", "SUBSCRIBE"]), numbers.bytes(numbers.below(9)));
    case 3:
      return Buffer.concat([frameBytes(someBody(numbers), 1), frameBytes("", 1), frameBytes(someBody(numbers))]);
    default:
      return frameBytes(someBody(numbers));
  }
}

function someBody(numbers: SeededNumbers): Buffer {
  return Buffer.alloc(
    numbers.of([0, 1, 2, 40, 254, 255, 256, 257, 1_000, numbers.below(8) === 0 ? 9_000 : 3]),
    numbers.below(256),
  );
}

/** Lengths that break what counts on them. */
const LENGTHS: readonly [bigint, ...bigint[]] = [
  0n,
  1n,
  0xffn,
  0x100n,
  0xfffn,
  0x1000n,
  0x1001n,
  0x7fffffffn,
  0xffffffffn,
  0x100000000n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

function changed(bytes: Buffer, numbers: SeededNumbers): Buffer {
  const at = numbers.below(bytes.length + 1);
  const to = at + numbers.below(Math.min(40, bytes.length - at + 1));
  const before = bytes.subarray(0, at);
  switch (numbers.below(9)) {
    case 0:
      return Buffer.concat([before, numbers.bytes(numbers.below(20)), bytes.subarray(at)]);
    case 1:
      return Buffer.concat([before, bytes.subarray(to)]);
    case 2:
      return Buffer.from(before);
    case 3:
      return Buffer.concat([before, bytes.subarray(at, to), bytes.subarray(at, to), bytes.subarray(to)]);
    case 4: {
      const width = numbers.of([1, 2, 4, 8]);
      const length = Buffer.alloc(8);
      length.writeBigUInt64BE(numbers.of(LENGTHS));
      return Buffer.concat([before, length.subarray(8 - width), bytes.subarray(Math.min(bytes.length, at + width))]);
    }
    case 5:
      return Buffer.concat([before, Buffer.of(6), LONG_LIE, bytes.subarray(at)]);
    default: {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[at % copy.length] = numbers.below(256);
      return copy;
    }
  }
}

/** More than any bound, behind which nothing comes. */
const LONG_LIE: Buffer = Buffer.from("0000000000fffffe", "hex");

function cut(bytes: Buffer, numbers: SeededNumbers): Buffer[] {
  const most = numbers.of([1, 2, 9, 64, 1_000, 9_000]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    // Byte by byte only what is short: it is the headers that matter.
    const length = bytes.length > 3_000 && most < 64 && at > 300 ? 500 : 1 + numbers.below(most);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}
