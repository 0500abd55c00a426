// Over 300 lines: one table of all that can be wrong with a handshake, for both sides.
/** CURVE's handshake beside one that is written by hand (RFC 26), and everything that is wrong with one. */
import { describe, expect, test } from "vitest";
import { SODIUM_LOADERS } from "../../src/zmtp/crypto/load-sodium.js";
import type { KeyPair, Sodium } from "../../src/zmtp/crypto/sodium.js";
import { curveClient } from "../../src/zmtp/mechanisms/curve-client.js";
import { curveServer } from "../../src/zmtp/mechanisms/curve-server.js";
import {
  bodiesOf,
  commandFrame,
  type HelloParts,
  helloBody,
  type InitiateParts,
  initiateBody,
  messageBody,
  messageFrame,
  readWelcome,
  readyBody,
  secretBox,
  unbox,
  welcomeBody,
  zeros,
} from "../support/curve-by-hand.js";
import { CLIENT, LOW_ORDER, pairOf, SERVER, STRANGER } from "../support/curve-keys.js";
import { SessionRecorder } from "../support/session-recorder.js";
import { greetingBytes, propertyBytes } from "../support/zmtp-bytes.js";

const LIBRARIES = ["sodium-native", "libsodium-wrappers"] as const;
const METADATA = Buffer.concat([propertyBytes("Socket-Type", "DEALER"), propertyBytes("Identity", "")]);
const ROUTER_METADATA = propertyBytes("Socket-Type", "ROUTER");
const GREETING = greetingBytes({ mechanism: "CURVE" });
/** The short-term keys of whoever is written by hand. */
const SHORT_TERM = pairOf(7);

describe.each(LIBRARIES)("over %s", async (library) => {
  const sodium = await SODIUM_LOADERS[library]();

  /** A ROUTER that lets CLIENT in, as far as its WELCOME. */
  function welcomed(hello: Partial<HelloParts> = {}, keys: { allowed?: KeyPair; wiped?: Buffer[] } = {}) {
    const watched: Sodium = Object.create(sodium, {
      wipe: {
        value: (...secrets: (Buffer | undefined)[]) => {
          sodium.wipe(...secrets);
          for (const secret of secrets) if (secret !== undefined) keys.wiped?.push(secret);
        },
      },
      // A method of the class that it inherits from reads private fields of the one that it was made by.
      ...Object.fromEntries(
        (["keyPair", "publicKeyOf", "sharedKey", "seal", "open", "random"] as const).map((name) => [
          name,
          { value: (sodium[name] as (...values: never[]) => unknown).bind(sodium) },
        ]),
      ),
    });
    const allowed = keys.allowed ?? CLIENT;
    const mechanism = curveServer(watched, { own: SERVER, isAllowed: (key) => key.equals(allowed.publicKey) });
    const recorder = new SessionRecorder({ mechanism });
    recorder.session.start();
    recorder.feed(GREETING);
    recorder.written = [];
    recorder.feed(commandFrame(helloBody({ shortTerm: SHORT_TERM, serverKey: SERVER.publicKey, ...hello })));
    const [welcome] = bodiesOf(Buffer.concat(recorder.written));
    recorder.written = [];
    return { recorder, welcome };
  }

  function initiated(parts: Partial<InitiateParts> = {}, keys: { allowed?: KeyPair; wiped?: Buffer[] } = {}) {
    const { recorder, welcome = zeros(0) } = welcomed({}, keys);
    const { serverShortTerm, cookie } = readWelcome(welcome, SHORT_TERM.secretKey, SERVER.publicKey);
    recorder.feed(
      commandFrame(
        initiateBody({
          shortTerm: SHORT_TERM,
          client: CLIENT,
          serverKey: SERVER.publicKey,
          serverShortTerm,
          cookie,
          metadata: METADATA,
          ...parts,
        }),
      ),
    );
    return { recorder, serverShortTerm, cookie };
  }

  const message = (to: Buffer, flags: number, payload: string | Buffer, count: number): Buffer =>
    messageFrame(messageBody(flags, payload, count, "C", to, SHORT_TERM.secretKey));

  describe("the listener's side", () => {
    test("says WELCOME and READY as RFC 26 has them, and takes messages then", () => {
      const { recorder, welcome } = welcomed();
      expect(welcome?.length).toBe(168);
      expect(welcome?.subarray(0, 8).toString()).toBe("\x07WELCOME");
      const { serverShortTerm, cookie } = readWelcome(welcome ?? zeros(0), SHORT_TERM.secretKey, SERVER.publicKey);
      expect(cookie).toHaveLength(96);
      const parts = { shortTerm: SHORT_TERM, client: CLIENT, serverKey: SERVER.publicKey };
      recorder.feed(commandFrame(initiateBody({ ...parts, serverShortTerm, cookie, metadata: METADATA })));
      expect(recorder.error).toBeUndefined();
      expect(recorder.peers).toEqual([{ minor: 1, socketType: "DEALER", identity: Buffer.alloc(0) }]);
      const [ready = zeros(0)] = bodiesOf(Buffer.concat(recorder.written));
      expect(ready.subarray(0, 14).toString("hex")).toBe(`05${Buffer.from("READY").toString("hex")}0000000000000001`);
      expect(
        unbox(ready.subarray(14), "CurveZMQREADY---", ready.subarray(6, 14), serverShortTerm, SHORT_TERM.secretKey),
      ).toEqual(ROUTER_METADATA);
      recorder.feed(
        message(serverShortTerm, 1, "a", 3),
        message(serverShortTerm, 0, "b", 4),
        message(serverShortTerm, 0, "c", 5),
      );
      expect(recorder.messages.map((frames) => frames.map(String))).toEqual([["a", "b"], ["c"]]);
    });

    test("answers a PING in a box with a PONG in a box: the command's bit is 2 in there", () => {
      const { recorder, serverShortTerm } = initiated();
      recorder.written = [];
      recorder.feed(
        message(serverShortTerm, 2, Buffer.concat([Buffer.from("\x04PING"), Buffer.of(0, 5), Buffer.from("ctx")]), 3),
      );
      expect(recorder.pings).toEqual([500]);
      const [pong = zeros(0)] = bodiesOf(Buffer.concat(recorder.written));
      expect(pong.subarray(0, 16).toString("hex")).toBe(`07${Buffer.from("MESSAGE").toString("hex")}0000000000000002`);
      const said = unbox(
        pong.subarray(16),
        "CurveZMQMESSAGES",
        pong.subarray(8, 16),
        serverShortTerm,
        SHORT_TERM.secretKey,
      );
      expect(said.toString("latin1")).toBe("\x02\x04PONGctx");
    });

    test("a MESSAGE in the frame of a command is taken too, however long", () => {
      const { recorder, serverShortTerm } = initiated();
      const payload = Buffer.alloc(50_000, "x");
      recorder.feed(commandFrame(messageBody(0, payload, 3, "C", serverShortTerm, SHORT_TERM.secretKey)));
      expect(recorder.messages).toEqual([[payload]]);
    });

    test("an ERROR says 400 to a client whose key is not allowed, and nobody is told of a peer", () => {
      const { recorder } = initiated({ client: STRANGER });
      expect(recorder.error?.code).toBe("denied");
      expect(Buffer.concat(recorder.written).toString("latin1")).toBe("\x04\x0a\x05ERROR\x03400");
      expect(recorder.peers).toEqual([]);
    });

    test.each<[string, Partial<HelloParts>, string]>([
      ["meant for another key", { serverKey: STRANGER.publicKey }, "crypto"],
      ["whose signature is not zeros", { signature: Buffer.alloc(64, 1) }, "crypto"],
      ["that claims another short-term key", { claimed: STRANGER.publicKey }, "crypto"],
      ["of another version", { version: Buffer.of(2, 0) }, "handshake"],
      ["with something in its padding", { padding: Buffer.alloc(72, 1) }, "handshake"],
      ["that is too short", { padding: zeros(71) }, "handshake"],
      ["that is too long", { padding: zeros(73) }, "handshake"],
      ...LOW_ORDER.map((claimed, index): [string, Partial<HelloParts>, string] => [
        `with the key of low order ${index}`,
        { claimed },
        "crypto",
      ]),
    ])("a HELLO %s is refused without a word", (_what, parts, code) => {
      const { recorder, welcome } = welcomed(parts);
      expect(recorder.error?.code).toBe(code);
      expect(welcome).toBeUndefined();
      expect(recorder.peers).toEqual([]);
    });

    test.each<[string, Partial<InitiateParts>, string]>([
      ["with a cookie of zeros", { cookie: zeros(96) }, "crypto"],
      [
        "with a cookie that somebody else made",
        {
          cookie: Buffer.concat([
            zeros(16),
            secretBox(Buffer.concat([SHORT_TERM.publicKey, zeros(32)]), "COOKIE--", zeros(16), zeros(32)),
          ]),
        },
        "crypto",
      ],
      ["sealed for another short-term key", { serverShortTerm: STRANGER.publicKey }, "crypto"],
      ["sealed with another short-term key", { shortTerm: pairOf(8) }, "crypto"],
      ["whose vouch another key made", { vouchSecret: STRANGER.secretKey }, "crypto"],
      [
        "that claims an allowed key and vouches with its own",
        { client: STRANGER, claimed: CLIENT.publicKey },
        "crypto",
      ],
      [
        "whose vouch is for another connection",
        { vouched: Buffer.concat([STRANGER.publicKey, SERVER.publicKey]) },
        "crypto",
      ],
      [
        "whose vouch is for another server",
        { vouched: Buffer.concat([SHORT_TERM.publicKey, STRANGER.publicKey]) },
        "crypto",
      ],
      ["with the nonce of its HELLO", { count: 1 }, "nonce"],
      ["that leaves out a nonce", { count: 3 }, "nonce"],
      ["with a socket that is none of ours", { metadata: propertyBytes("Socket-Type", "SUB") }, "socket-type"],
      ["with metadata that breaks off", { metadata: METADATA.subarray(0, 20) }, "handshake"],
      ...LOW_ORDER.map((claimed, index): [string, Partial<InitiateParts>, string] => [
        `with the key of low order ${index}`,
        { claimed },
        "crypto",
      ]),
    ])("an INITIATE %s is refused", (_what, parts, code) => {
      const { recorder } = initiated(parts);
      expect(recorder.error?.code).toBe(code);
      expect(recorder.peers).toEqual([]);
      expect(recorder.session.isReady).toBe(false);
    });

    test("a cookie is good once, and on its own connection only", () => {
      const first = initiated();
      expect(first.recorder.error).toBeUndefined();
      const other = initiated({ cookie: first.cookie, serverShortTerm: first.serverShortTerm });
      expect(other.recorder.error?.code).toBe("crypto");
    });

    test("any bit of INITIATE that is turned makes it refused", () => {
      const { welcome = zeros(0) } = welcomed();
      const length = commandFrame(
        initiateBody({
          shortTerm: SHORT_TERM,
          client: CLIENT,
          serverKey: SERVER.publicKey,
          ...readWelcome(welcome, SHORT_TERM.secretKey, SERVER.publicKey),
          metadata: METADATA,
        }),
      ).length;
      // Behind the frame's header and the command's name, which are not sealed.
      for (let at = 18; at < length; at += 5) {
        const again = welcomed();
        const said = readWelcome(again.welcome ?? zeros(0), SHORT_TERM.secretKey, SERVER.publicKey);
        const frame = commandFrame(
          initiateBody({
            shortTerm: SHORT_TERM,
            client: CLIENT,
            serverKey: SERVER.publicKey,
            ...said,
            metadata: METADATA,
          }),
        );
        frame[at] = (frame[at] ?? 0) ^ 1;
        again.recorder.feed(frame);
        expect([at, again.recorder.error?.code]).toEqual([at, expect.stringMatching(/^(crypto|nonce)$/)]);
      }
    });

    test.each<[string, (to: Buffer) => Buffer[], string]>([
      ["that comes twice", (to) => [message(to, 0, "a", 3), message(to, 0, "a", 3)], "nonce"],
      ["of which one is missing", (to) => [message(to, 0, "a", 3), message(to, 0, "c", 5)], "nonce"],
      ["that comes before its turn", (to) => [message(to, 0, "b", 4)], "nonce"],
      ["with the nonce of INITIATE", (to) => [message(to, 0, "a", 2)], "nonce"],
      [
        "of the other direction",
        (to) => [messageFrame(messageBody(0, "a", 3, "S", to, SHORT_TERM.secretKey))],
        "crypto",
      ],
      ["of another key", (to) => [messageFrame(messageBody(0, "a", 3, "C", to, STRANGER.secretKey))], "crypto"],
      ["with unknown flags", (to) => [message(to, 4, "a", 3)], "frame"],
      ["that is a command with more to follow", (to) => [message(to, 3, "\x04PING\0\0", 3)], "frame"],
      [
        "whose frame says that more follow",
        (to) => [messageFrame(messageBody(0, "a", 3, "C", to, SHORT_TERM.secretKey), 1)],
        "frame",
      ],
      ["that is too short", () => [messageFrame(Buffer.from("\x07MESSAGE"))], "frame"],
      ["that is not sealed", () => [messageFrame(Buffer.from("hello".repeat(10)))], "frame"],
      ["that is a command, not sealed", () => [commandFrame(Buffer.from("\x04PING\0\0"))], "frame"],
      [
        "that is READY again",
        (to) => [message(to, 2, Buffer.concat([Buffer.from("\x05READY"), METADATA]), 3)],
        "command",
      ],
      ["with too much in it", (to) => [message(to, 0, Buffer.alloc(100_001), 3)], "too-large"],
      ["with too long a command in it", (to) => [message(to, 2, Buffer.alloc(4_097, 4), 3)], "too-large"],
    ])("a MESSAGE %s ends the connection", (_what, frames, code) => {
      const { recorder, serverShortTerm } = initiated();
      recorder.feed(...frames(serverShortTerm));
      expect(recorder.error?.code).toBe(code);
    });

    test.each<[string, (serverShortTerm: Buffer) => Buffer]>([
      ["a message before its HELLO", () => messageFrame(Buffer.from("hi"))],
      ["INITIATE before HELLO", () => commandFrame(Buffer.from("\x08INITIATE"))],
      ["READY, as with NULL", () => commandFrame(Buffer.concat([Buffer.from("\x05READY"), METADATA]))],
    ])("%s is refused", (_what, frame) => {
      const mechanism = curveServer(sodium, { own: SERVER, isAllowed: () => true });
      const recorder = new SessionRecorder({ mechanism }).feed(GREETING, frame(zeros(32)));
      expect(recorder.error?.code).toBe("handshake");
      expect(recorder.peers).toEqual([]);
    });

    test("HELLO twice is refused", () => {
      const { recorder } = welcomed();
      recorder.feed(commandFrame(helloBody({ shortTerm: SHORT_TERM, serverKey: SERVER.publicKey, count: 2 })));
      expect(recorder.error?.code).toBe("handshake");
    });

    test("what was secret is wiped: the cookie's key, the short-term ones, and the connection's own at its end", () => {
      const wiped: Buffer[] = [];
      const { recorder } = initiated({}, { wiped });
      expect(wiped.length).toBeGreaterThanOrEqual(5);
      recorder.session.forget();
      for (const secret of wiped) expect(secret.equals(Buffer.alloc(secret.length))).toBe(true);
      expect(() => recorder.session.traffic?.seal(0, zeros(1), zeros(100), 0)).toThrow("wiped");
      expect(SERVER.secretKey.equals(Buffer.alloc(32, 1))).toBe(true);
    });
  });

  describe("the dialer's side", () => {
    /** A DEALER as far as its HELLO. */
    function greeted(serverKey = SERVER.publicKey) {
      const mechanism = curveClient(sodium, { own: CLIENT, serverKey });
      const recorder = new SessionRecorder({ socketType: "DEALER", mechanism });
      recorder.session.start();
      recorder.written = [];
      recorder.feed(GREETING);
      const [hello = zeros(0)] = bodiesOf(Buffer.concat(recorder.written));
      recorder.written = [];
      return { recorder, hello, clientShortTerm: hello.subarray(80, 112) };
    }
    const COOKIE = Buffer.alloc(96, 0xcc);
    const welcome = (clientShortTerm: Buffer, parts: { server?: KeyPair; serverShortTerm?: Buffer } = {}): Buffer =>
      commandFrame(
        welcomeBody({
          server: parts.server ?? SERVER,
          serverShortTerm: parts.serverShortTerm ?? SHORT_TERM.publicKey,
          clientShortTerm,
          cookie: COOKIE,
        }),
      );

    test("says HELLO and INITIATE as RFC 26 has them, and sends messages then", () => {
      const { recorder, hello, clientShortTerm } = greeted();
      expect(hello).toHaveLength(200);
      expect(hello.subarray(0, 80).toString("hex")).toBe(
        `05${Buffer.from("HELLO").toString("hex")}0100${"00".repeat(72)}`,
      );
      expect(hello.subarray(112, 120).toString("hex")).toBe("0000000000000001");
      expect(
        unbox(hello.subarray(120), "CurveZMQHELLO---", hello.subarray(112, 120), clientShortTerm, SERVER.secretKey),
      ).toEqual(zeros(64));
      recorder.feed(welcome(clientShortTerm));
      const [initiate = zeros(0)] = bodiesOf(Buffer.concat(recorder.written));
      expect(initiate.subarray(0, 9).toString()).toBe("\x08INITIATE");
      expect(initiate.subarray(9, 105)).toEqual(COOKIE);
      expect(initiate.subarray(105, 113).toString("hex")).toBe("0000000000000002");
      const said = unbox(
        initiate.subarray(113),
        "CurveZMQINITIATE",
        initiate.subarray(105, 113),
        clientShortTerm,
        SHORT_TERM.secretKey,
      );
      expect(said.subarray(0, 32)).toEqual(CLIENT.publicKey);
      expect(
        unbox(said.subarray(48, 128), "VOUCH---", said.subarray(32, 48), CLIENT.publicKey, SHORT_TERM.secretKey),
      ).toEqual(Buffer.concat([clientShortTerm, SERVER.publicKey]));
      expect(said.subarray(128)).toEqual(METADATA);
      recorder.feed(commandFrame(readyBody(ROUTER_METADATA, 1, clientShortTerm, SHORT_TERM.secretKey)));
      expect(recorder.peers).toEqual([{ minor: 1, socketType: "ROUTER", identity: Buffer.alloc(0) }]);
      const sealed = Buffer.alloc(100);
      const end = recorder.session.traffic?.seal(0, Buffer.from("hi"), sealed, 0);
      const [first = zeros(0)] = bodiesOf(sealed.subarray(0, end));
      expect(first.subarray(0, 16).toString("hex")).toBe(`07${Buffer.from("MESSAGE").toString("hex")}0000000000000003`);
      expect(
        unbox(
          first.subarray(16),
          "CurveZMQMESSAGEC",
          first.subarray(8, 16),
          clientShortTerm,
          SHORT_TERM.secretKey,
        ).toString(),
      ).toBe("\0hi");
    });

    test("two connections have other keys", () => {
      expect(greeted().clientShortTerm.equals(greeted().clientShortTerm)).toBe(false);
    });

    test("a server with another key is not believed", () => {
      const { recorder, clientShortTerm } = greeted();
      recorder.feed(welcome(clientShortTerm, { server: STRANGER }));
      expect(recorder.error?.code).toBe("denied");
      expect(recorder.written).toEqual([]);
    });

    test("a WELCOME for another connection, one that was changed, and one that is cut are refused", () => {
      const other = greeted();
      expect(greeted().recorder.feed(welcome(other.clientShortTerm)).error?.code).toBe("denied");
      const { recorder, clientShortTerm } = greeted();
      const frame = welcome(clientShortTerm);
      frame[100] = (frame[100] ?? 0) ^ 1;
      expect(recorder.feed(frame).error?.code).toBe("denied");
      const third = greeted();
      const body = bodiesOf(welcome(third.clientShortTerm))[0] ?? zeros(0);
      expect(third.recorder.feed(commandFrame(body.subarray(0, 167))).error?.code).toBe("handshake");
    });

    test.each(LOW_ORDER.map((key, index) => [index, key] as const))(
      "the short-term key of low order %i is refused",
      (_index, key) => {
        const { recorder, clientShortTerm } = greeted();
        recorder.feed(welcome(clientShortTerm, { serverShortTerm: key }));
        expect(recorder.error?.code).toBe("crypto");
        expect(recorder.written).toEqual([]);
      },
    );

    test.each(LOW_ORDER.map((key, index) => [index, key] as const))(
      "a trusted key of low order %i is refused",
      (_index, key) => {
        expect(greeted(key).recorder.error?.code).toBe("crypto");
      },
    );

    test("a READY that is forged, and one that is not sealed, are refused", () => {
      for (const forge of [
        (to: Buffer) => readyBody(ROUTER_METADATA, 1, to, STRANGER.secretKey),
        () => Buffer.concat([Buffer.from("\x05READY"), ROUTER_METADATA, METADATA]),
      ]) {
        const { recorder, clientShortTerm } = greeted();
        recorder.feed(welcome(clientShortTerm), commandFrame(forge(clientShortTerm)));
        expect(recorder.error?.code).toMatch(/^(crypto|nonce)$/);
        expect(recorder.peers).toEqual([]);
      }
    });

    test("READY before WELCOME is refused", () => {
      const { recorder, clientShortTerm } = greeted();
      recorder.feed(commandFrame(readyBody(ROUTER_METADATA, 1, clientShortTerm, SHORT_TERM.secretKey)));
      expect(recorder.error?.code).toBe("handshake");
    });

    test.each([
      ["400", "denied"],
      ["Invalid client", "denied"],
      ["300", "refused"],
      ["500", "refused"],
      ["Invalid socket type", "refused"],
    ])("an ERROR that says %s means %s", (reason, code) => {
      const { recorder, clientShortTerm } = greeted();
      recorder.feed(welcome(clientShortTerm));
      recorder.feed(
        commandFrame(Buffer.concat([Buffer.from("\x05ERROR"), Buffer.of(reason.length), Buffer.from(reason)])),
      );
      expect(recorder.error?.code).toBe(code);
    });

    test("an ERROR outside of a box is none any more, once the handshake is done", () => {
      const { recorder, clientShortTerm } = greeted();
      recorder.feed(
        welcome(clientShortTerm),
        commandFrame(readyBody(ROUTER_METADATA, 1, clientShortTerm, SHORT_TERM.secretKey)),
      );
      recorder.feed(commandFrame(Buffer.from("\x05ERROR\x03400")));
      expect(recorder.error?.code).toBe("frame");
    });
  });

  test("mechanisms that do not fit are refused by the greeting alone", () => {
    const mechanism = curveServer(sodium, { own: SERVER, isAllowed: () => true });
    for (const other of ["NULL", "PLAIN", "GSSAPI"]) {
      const recorder = new SessionRecorder({ mechanism }).feed(greetingBytes({ mechanism: other }));
      expect(recorder.error?.code).toBe("mechanism");
      expect(recorder.error?.message).toBe(`its security mechanism is ${other}, and that of this side is CURVE`);
    }
  });
});
