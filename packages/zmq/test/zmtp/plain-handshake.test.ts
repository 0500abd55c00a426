/** PLAIN's handshake beside one that is written by hand (RFC 24). */
import { describe, expect, test } from "vitest";
import { plainSecurity } from "../../src/security/security.js";
import { plainClient, plainServer } from "../../src/zmtp/mechanisms/plain-mechanism.js";
import { SessionRecorder } from "../support/session-recorder.js";
import { commandBytes, frameBytes, greetingBytes, propertyBytes, readyBytes } from "../support/zmtp-bytes.js";

const GREETING = greetingBytes({ mechanism: "PLAIN" });
const METADATA = Buffer.concat([propertyBytes("Socket-Type", "DEALER"), propertyBytes("Identity", "")]);
const SECURITY = plainSecurity("me", "mine", [
  ["ann", "s3cret"],
  ["bob", "pass:word"],
]);

const part = (text: string): Buffer => Buffer.concat([Buffer.of(Buffer.byteLength(text)), Buffer.from(text)]);
const hello = (user: string, password: string): Buffer =>
  commandBytes("HELLO", Buffer.concat([part(user), part(password)]));

function router(): SessionRecorder {
  const mechanism = plainServer((user, password) => SECURITY.isAllowed(user, password));
  const recorder = new SessionRecorder({ mechanism });
  recorder.session.start();
  recorder.feed(GREETING);
  recorder.written = [];
  return recorder;
}

function dealer(): SessionRecorder {
  const mechanism = plainClient({ user: Buffer.from("ann"), password: Buffer.from("s3cret") });
  const recorder = new SessionRecorder({ socketType: "DEALER", mechanism });
  recorder.session.start();
  recorder.written = [];
  return recorder.feed(GREETING);
}

const written = (recorder: SessionRecorder): string => Buffer.concat(recorder.written.splice(0)).toString("latin1");

describe("the listener's side", () => {
  test("says that it is the server, which RFC 23 asks for", () => {
    const recorder = new SessionRecorder({ mechanism: plainServer(() => true) });
    recorder.session.start();
    expect(Buffer.concat(recorder.written).toString("hex")).toBe(
      `ff00000000000000007f0301${Buffer.from("PLAIN").toString("hex")}${"00".repeat(15)}01${"00".repeat(31)}`,
    );
  });

  test.each([
    ["ann", "s3cret"],
    ["bob", "pass:word"],
  ])("lets %s in: WELCOME, then READY", (user, password) => {
    const recorder = router().feed(hello(user, password));
    expect(written(recorder)).toBe("\x04\x08\x07WELCOME");
    recorder.feed(commandBytes("INITIATE", METADATA));
    expect(written(recorder)).toBe("\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER");
    recorder.feed(frameBytes("hi"));
    expect(recorder.messages.map((frames) => frames.map(String))).toEqual([["hi"]]);
  });

  test.each([
    ["a wrong password", "ann", "s3cres"],
    ["a password that is longer", "ann", "s3crett"],
    ["no password", "ann", ""],
    ["somebody else's password", "ann", "pass:word"],
    ["somebody unknown", "eve", "s3cret"],
    ["nobody", "", ""],
    ["a user with a part of the password", "anns", "3cret"],
    ["what it says itself when it dials", "me", "mine"],
  ])("answers %s with ERROR 400, and takes nothing more", (_what, user, password) => {
    const recorder = router().feed(hello(user, password), commandBytes("INITIATE", METADATA));
    expect(recorder.error?.code).toBe("denied");
    expect(written(recorder)).toBe("\x04\x0a\x05ERROR\x03400");
    expect(recorder.peers).toEqual([]);
    for (const secret of [password, "s3cret"].filter((text) => text !== ""))
      expect(recorder.error?.message).not.toContain(secret);
  });

  test.each([
    ["a HELLO without a body", commandBytes("HELLO")],
    ["a HELLO that breaks off in the user", commandBytes("HELLO", Buffer.from("\x05ann"))],
    ["a HELLO without a password", commandBytes("HELLO", part("ann"))],
    [
      "a HELLO that breaks off in the password",
      commandBytes("HELLO", Buffer.concat([part("ann"), Buffer.from("\x07s3cret")])),
    ],
    ["a HELLO with more behind", commandBytes("HELLO", Buffer.concat([part("ann"), part("s3cret"), Buffer.of(0)]))],
    ["INITIATE before HELLO", commandBytes("INITIATE", METADATA)],
    ["READY, as with NULL", readyBytes()],
    ["a message before HELLO", frameBytes("hi")],
  ])("refuses %s without a word", (_what, frame) => {
    const recorder = router().feed(frame);
    expect(recorder.error?.code).toBe("handshake");
    expect(written(recorder)).toBe("");
  });

  test("refuses HELLO twice, a message before INITIATE, and a socket that is none of ours", () => {
    expect(router().feed(hello("ann", "s3cret"), hello("ann", "s3cret")).error?.code).toBe("handshake");
    expect(router().feed(hello("ann", "s3cret"), frameBytes("hi")).error?.code).toBe("handshake");
    const sub = router().feed(hello("ann", "s3cret"), commandBytes("INITIATE", propertyBytes("Socket-Type", "SUB")));
    expect(sub.error?.code).toBe("socket-type");
  });
});

describe("the dialer's side", () => {
  test("says HELLO, INITIATE, and messages after READY", () => {
    const recorder = dealer();
    expect(written(recorder)).toBe("\x04\x11\x05HELLO\x03ann\x06s3cret");
    recorder.feed(commandBytes("WELCOME"));
    expect(written(recorder)).toBe(`\x04\x2c\x08INITIATE${METADATA.toString("latin1")}`);
    recorder.feed(readyBytes("ROUTER"));
    expect(recorder.peers).toEqual([{ minor: 1, socketType: "ROUTER", identity: Buffer.alloc(0) }]);
  });

  test.each([
    ["as RFC 24 has it", commandBytes("ERROR", part("400"))],
    ["in words", commandBytes("ERROR", part("Invalid username or password"))],
    ["as libzmq 4.3.5 says it", frameBytes("^RROR\x03400", 4)],
  ])("an ERROR %s is a denial, and tells no password", (_what, frame) => {
    const recorder = dealer().feed(frame);
    expect(recorder.error?.code).toBe("denied");
    expect(recorder.error?.message).toContain("does not take the user or the password of this side");
    expect(recorder.error?.message).not.toContain("s3cret");
  });

  test("an ERROR that is for a while, or comes after WELCOME, is none", () => {
    expect(dealer().feed(commandBytes("ERROR", part("300"))).error?.code).toBe("refused");
    expect(dealer().feed(commandBytes("WELCOME"), commandBytes("ERROR", part("no"))).error?.code).toBe("refused");
  });

  test.each([
    ["READY before WELCOME", readyBytes("ROUTER")],
    ["a WELCOME with something in it", commandBytes("WELCOME", Buffer.of(1))],
    ["a message", frameBytes("hi")],
    ["HELLO", hello("ann", "s3cret")],
  ])("%s is refused", (_what, frame) => {
    expect(dealer().feed(frame).error?.code).toBe("handshake");
  });
});
