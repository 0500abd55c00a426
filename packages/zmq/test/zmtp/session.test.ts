import { describe, expect, test } from "vitest";
import { SessionRecorder } from "../support/session-recorder.js";
import {
  commandBytes,
  DEALER_PREFACE,
  frameBytes,
  greetingBytes,
  propertyBytes,
  readyBytes,
} from "../support/zmtp-bytes.js";

const codeOf = (...chunks: readonly Buffer[]): string | undefined => new SessionRecorder().feed(...chunks).error?.code;
const texts = (recorder: SessionRecorder): string[][] =>
  recorder.messages.map((frames) => frames.map((frame) => frame.toString()));

describe("the handshake", () => {
  test("a greeting of 64 bytes, then READY with the socket type, byte by byte as RFC 37 has them", () => {
    const recorder = new SessionRecorder();
    recorder.session.start();
    expect(Buffer.concat(recorder.written).toString("hex")).toBe(
      `ff00000000000000007f0301${Buffer.from("NULL").toString("hex")}${"00".repeat(16 + 32)}`,
    );
    recorder.written = [];
    recorder.feed(greetingBytes());
    const ready = Buffer.concat([Buffer.from("\x05READY\x0bSocket-Type\0\0\0\x06ROUTER")]);
    expect(Buffer.concat(recorder.written)).toEqual(Buffer.concat([Buffer.of(4, ready.length), ready]));
    expect(recorder.session.isReady).toBe(false);
    recorder.feed(readyBytes("DEALER", propertyBytes("IDENTITY", "me"), propertyBytes("X-Other", "1")));
    expect(recorder.session.isReady).toBe(true);
    expect(recorder.peers).toEqual([{ minor: 1, socketType: "DEALER", identity: Buffer.from("me") }]);
  });

  test("a DEALER tells its identity, even none", () => {
    const recorder = new SessionRecorder({ socketType: "DEALER", identity: Buffer.from("d1") });
    recorder.feed(greetingBytes());
    expect(Buffer.concat(recorder.written).toString("latin1")).toContain("\x08Identity\0\0\0\x02d1");
    const nameless = new SessionRecorder({ socketType: "DEALER" });
    nameless.feed(greetingBytes());
    expect(Buffer.concat(nameless.written).toString("latin1")).toContain("\x08Identity\0\0\0\0");
  });

  test.each([
    [0, undefined, 0],
    [1, undefined, 1],
    [7, undefined, 1],
    [1, 0, 0],
    [0, 0, 0],
  ] as const)("a peer of 3.%i, and %s of this side, speak 3.%i", (theirs, ours, spoken) => {
    const recorder = new SessionRecorder(ours === undefined ? {} : { minor: ours });
    recorder.feed(greetingBytes({ minor: theirs }), readyBytes());
    expect(recorder.peers[0]?.minor).toBe(spoken);
  });

  test.each([
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n"), "signature"],
    ["ZMTP 1.0", Buffer.from("0100", "hex"), "signature"],
    ["a signature without its end", Buffer.from("ff000000000000000100", "hex"), "signature"],
    ["ZMTP 2.0", Buffer.from("ff00000000000000017f01050000", "hex"), "version"],
    ["another mechanism", greetingBytes({ mechanism: "CURVE" }), "mechanism"],
    ["a mechanism with more behind its zero", greetingBytes({ mechanism: "NULL\0X" }), "mechanism"],
    ["a message before READY", Buffer.concat([greetingBytes(), frameBytes("hello")]), "handshake"],
    [
      "another command before READY",
      Buffer.concat([greetingBytes(), commandBytes("PING", Buffer.of(0, 0))]),
      "handshake",
    ],
    ["READY without a socket type", Buffer.concat([greetingBytes(), commandBytes("READY")]), "socket-type"],
    ["READY twice", Buffer.concat([DEALER_PREFACE, readyBytes()]), "command"],
    [
      "metadata that breaks off",
      Buffer.concat([greetingBytes(), commandBytes("READY", Buffer.from("\x0bSocket"))]),
      "handshake",
    ],
    [
      "a value longer than its command",
      Buffer.concat([greetingBytes(), commandBytes("READY", Buffer.from("\x01a\xff\xff\xff\xff", "latin1"))]),
      "handshake",
    ],
    ["a nameless property", Buffer.concat([greetingBytes(), commandBytes("READY", Buffer.alloc(5))]), "handshake"],
    [
      "an identity of 256 bytes",
      Buffer.concat([greetingBytes(), readyBytes("DEALER", propertyBytes("Identity", "x".repeat(256)))]),
      "handshake",
    ],
    [
      "a command of more than 4 KiB",
      Buffer.concat([greetingBytes(), readyBytes("DEALER", propertyBytes("X", "x".repeat(5_000)))]),
      "too-large",
    ],
    [
      "a command that is to have 2^63 bytes",
      Buffer.concat([greetingBytes(), Buffer.from("067fffffffffffffff", "hex")]),
      "too-large",
    ],
    ["ERROR", Buffer.concat([greetingBytes(), commandBytes("ERROR", Buffer.from("\x02no"))]), "refused"],
    ["a command without a name", Buffer.concat([greetingBytes(), Buffer.of(4, 0)]), "command"],
  ])("%s ends it", (_what, bytes, code) => {
    expect(codeOf(bytes)).toBe(code);
    expect(codeOf(...[...bytes].map((byte) => Buffer.of(byte)))).toBe(code);
  });

  test("the reason of an ERROR is told, without what a terminal would obey", () => {
    const error = commandBytes("ERROR", Buffer.from("\x08no\x1b[31m!"));
    expect(new SessionRecorder().feed(greetingBytes(), error).error?.message).toBe(
      "it refused the connection: no?[31m!",
    );
    const lying = commandBytes("ERROR", Buffer.from("\xffshort", "latin1"));
    expect(new SessionRecorder().feed(greetingBytes(), lying).error?.message).toBe("it refused the connection: short");
  });

  test.each(["REQ", "DEALER", "ROUTER"])("a ROUTER talks to a %s", (type) => {
    expect(codeOf(greetingBytes(), readyBytes(type))).toBeUndefined();
  });

  test.each(["PUSH", "PULL", "PUB", "SUB", "PAIR", "REP", "XSUB", "dealer", ""])(
    "a ROUTER tells a %s that it does not",
    (type) => {
      const recorder = new SessionRecorder().feed(greetingBytes(), readyBytes(type));
      expect(recorder.error?.code).toBe("socket-type");
      expect(recorder.written.at(-1)).toEqual(commandBytes("ERROR", Buffer.from("\x13Invalid socket type")));
    },
  );
});

describe("messages", () => {
  test("frames of every length that a header changes at come whole, and flags are kept apart", () => {
    const bodies = [0, 1, 2, 254, 255, 256, 257, 65_535, 65_536, 100_000].map((size) => Buffer.alloc(size, size % 251));
    const recorder = new SessionRecorder().feed(DEALER_PREFACE, ...bodies.map((body) => frameBytes(body)));
    expect(recorder.error).toBeUndefined();
    expect(recorder.messages.map(([first]) => first?.length)).toEqual(bodies.map((body) => body.length));
    expect(recorder.messages.every(([first], index) => first?.equals(bodies[index] ?? Buffer.alloc(1)))).toBe(true);
  });

  test("a long header for a short body is taken", () => {
    const frame = Buffer.concat([Buffer.from("020000000000000002", "hex"), Buffer.from("hi")]);
    expect(texts(new SessionRecorder().feed(DEALER_PREFACE, frame))).toEqual([["hi"]]);
  });

  test("a message of several frames comes at once, when its last is there", () => {
    const recorder = new SessionRecorder().feed(DEALER_PREFACE, frameBytes("a", 1), frameBytes("", 1));
    expect(recorder.messages).toEqual([]);
    recorder.feed(frameBytes("c"), frameBytes("alone"));
    expect(texts(recorder)).toEqual([["a", "", "c"], ["alone"]]);
    expect(recorder.session.heldBytes).toBe(0);
  });

  test("its frames and their bytes are bounded", () => {
    const many = Array.from({ length: 17 }, () => frameBytes("x", 1));
    expect(codeOf(DEALER_PREFACE, ...many)).toBe("too-large");
    expect(codeOf(DEALER_PREFACE, ...many.slice(0, 15), frameBytes("x"))).toBeUndefined();
    const large = frameBytes(Buffer.alloc(90_000), 1);
    expect(codeOf(DEALER_PREFACE, large, large)).toBeUndefined();
    expect(codeOf(DEALER_PREFACE, large, large, large)).toBe("too-large");
  });

  test("a held frame does not keep the chunk that it came in", () => {
    const recorder = new SessionRecorder();
    recorder.feed(DEALER_PREFACE);
    const chunk = Buffer.concat([frameBytes("small", 1), frameBytes(Buffer.alloc(90_000))]);
    recorder.session.receive(chunk);
    expect(recorder.messages[0]?.[0]?.buffer).not.toBe(chunk.buffer);
    expect(recorder.messages[0]?.[0]?.toString()).toBe("small");
  });

  test("a large frame that came whole is a slice of its chunk", () => {
    const recorder = new SessionRecorder().feed(DEALER_PREFACE);
    const chunk = frameBytes(Buffer.alloc(90_000));
    recorder.session.receive(chunk);
    expect(recorder.messages[0]?.[0]?.buffer).toBe(chunk.buffer);
  });

  test("what was announced is refused before it comes, and is not made room for", () => {
    expect(codeOf(DEALER_PREFACE, Buffer.from("0200000000000186a1", "hex"))).toBe("too-large");
    expect(codeOf(DEALER_PREFACE, Buffer.from("02ffffffffffffffff", "hex"))).toBe("too-large");
    const gigabyte = { maxCommandBytes: 4_096, maxFrameBytes: 2 ** 30, maxMessageBytes: 2 ** 30, maxMessageFrames: 1 };
    const recorder = new SessionRecorder({ bounds: gigabyte });
    recorder.feed(DEALER_PREFACE, Buffer.from("020000000040000000", "hex"), Buffer.alloc(10));
    expect(recorder.error).toBeUndefined();
    expect(recorder.mostHeld).toBeLessThanOrEqual(256 * 1024);
  });

  test.each([
    ["an unknown flag", Buffer.of(8, 0)],
    ["a command with more frames", Buffer.of(5, 1)],
  ])("%s ends it", (_what, bytes) => {
    expect(codeOf(DEALER_PREFACE, bytes)).toBe("frame");
  });

  test("a sink that ends the session within a message hears no more of the same chunk", () => {
    const recorder = new SessionRecorder().feed(DEALER_PREFACE);
    recorder.onEachMessage = () => recorder.session.end();
    recorder.feed(Buffer.concat([frameBytes("1"), frameBytes("2"), Buffer.of(8)]), frameBytes("3"));
    expect(texts(recorder)).toEqual([["1"]]);
    expect(recorder.error).toBeUndefined();
  });
});

describe("commands between messages", () => {
  test("a PING is answered with its context, and its time to live is told in milliseconds", () => {
    const recorder = new SessionRecorder().feed(DEALER_PREFACE);
    recorder.written = [];
    recorder.feed(commandBytes("PING", Buffer.from("\0\x1econtext")), commandBytes("PING", Buffer.of(0, 0)));
    expect(recorder.written).toEqual([commandBytes("PONG", Buffer.from("context")), commandBytes("PONG")]);
    expect(recorder.pings).toEqual([3_000, 0]);
  });

  test("PONG and names that are not known change nothing", () => {
    const recorder = new SessionRecorder().feed(
      DEALER_PREFACE,
      commandBytes("PONG"),
      commandBytes("NEWS"),
      frameBytes("m"),
    );
    expect(texts(recorder)).toEqual([["m"]]);
    expect(recorder.error).toBeUndefined();
  });

  test.each([
    ["a PING without its time", [commandBytes("PING", Buffer.of(0))], "command"],
    ["a PING with a context of 17 bytes", [commandBytes("PING", Buffer.alloc(19))], "command"],
    ["ERROR", [commandBytes("ERROR", Buffer.from("\x03bye"))], "refused"],
    ["a command between the frames of a message", [frameBytes("a", 1), commandBytes("PONG")], "command"],
  ])("%s ends it", (_what, bytes, code) => {
    expect(codeOf(DEALER_PREFACE, ...bytes)).toBe(code);
  });
});
