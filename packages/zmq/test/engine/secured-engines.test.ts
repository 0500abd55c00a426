/** Who is let in, whoever moves the bytes: each engine with itself and with the other. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuthError } from "@trunkline/core/driver";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ContextShelf } from "../../src/engine/context-shelf.js";
import type { Engine, EngineListener, EngineOptions } from "../../src/engine/engine.js";
import { createLibzmqEngine } from "../../src/engine/libzmq-engine.js";
import type { Security } from "../../src/security/security.js";
import { CLIENT, pairOf, SERVER, STRANGER } from "../support/curve-keys.js";
import { bytes, LinkRecorder } from "../support/link-recorder.js";
import { createEngine, curve, KINDS, type Kind, PAIRS, PASSWORD, plain } from "../support/secured-engines.js";
import { until } from "../support/until.js";
import { ENGINE_OPTIONS } from "./engine-suite.js";

const NOT_LET_IN = "a connection that is not let in: its user, password or key is none that is allowed";

let engines: Engine[] = [];
let dropped: string[] = [];
let directory = "";

beforeEach(() => {
  engines = [];
  dropped = [];
  directory = mkdtempSync(join(tmpdir(), "trunkline-secured-"));
});

afterEach(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  rmSync(directory, { recursive: true, force: true });
});

function engineOf(kind: Kind, security: Security | undefined, options: Partial<EngineOptions> = {}): Engine {
  const engine = createEngine(kind, { ...ENGINE_OPTIONS, security, ...options });
  engines.push(engine);
  return engine;
}

/** A listener that echoes; `accepted` counts the links that had something to say. */
async function echoing(kind: Kind, security: Security | undefined, address = "tcp://127.0.0.1:0") {
  const accepted: string[] = [];
  const engine = engineOf(kind, security, { onDropped: (reason) => dropped.push(reason) });
  const listener: EngineListener = await engine.listen(address, (link) => {
    accepted.push(link.peer);
    return { onOpen() {}, onWritable() {}, onEnd() {}, onFrame: (frame) => void link.send(frame) };
  });
  return { address: listener.address, accepted, engine };
}

function dialling(kind: Kind, security: Security | undefined, address: string): LinkRecorder {
  const recorder = new LinkRecorder();
  const link = engineOf(kind, security).dial(address, recorder);
  recorder.link = link;
  link.send(bytes("let me in"));
  return recorder;
}

describe.each(PAIRS)("a listener over %s and a dialer over %s", (listenerKind, dialerKind) => {
  describe.each(["tcp", "ipc"])("over %s", (transport) => {
    const somewhere = (): string => (transport === "tcp" ? "tcp://127.0.0.1:0" : `ipc://${join(directory, "s.sock")}`);

    test.each([
      ["PLAIN", plain, plain],
      ["CURVE", () => curve(SERVER), () => curve(CLIENT)],
    ] as const)("%s: who is known talks", async (_what, ours, theirs) => {
      const { address, accepted } = await echoing(listenerKind, ours(), somewhere());
      const recorder = dialling(dialerKind, theirs(), address);
      await recorder.untilFrames(1);
      const long = Buffer.alloc(300_000, "x");
      for (const frame of [bytes("a"), long, bytes("b")]) expect(recorder.link?.send(frame)).toBe(true);
      await recorder.untilFrames(4);
      expect(recorder.texts).toEqual(["let me in", "a", long.toString(), "b"]);
      expect(accepted).toHaveLength(1);
      expect(dropped).toEqual([]);
    });

    test.each([
      ["a wrong password", plain, () => plain("other-s3cret"), "the user or the password"],
      ["a wrong user", plain, () => plain(PASSWORD, "eve"), "the user or the password"],
      ["a key that is not allowed", () => curve(SERVER), () => curve(STRANGER), "the key"],
    ] as const)("%s is denied, and both sides say so", async (_what, ours, theirs, words) => {
      const { address, accepted } = await echoing(listenerKind, ours(), somewhere());
      const end = await dialling(dialerKind, theirs(), address).untilEnd();
      expect(end).toMatchObject({
        reason: "denied",
        detail: expect.stringContaining(`it does not take ${words} of this side`),
      });
      expect(end.error).toBeInstanceOf(AuthError);
      expect(end.error?.message).toContain(address);
      expect(end.error?.message).not.toContain("s3cret");
      await until(() => dropped.length > 0, "it was counted");
      expect(dropped[0]).toBe(NOT_LET_IN);
      expect(accepted).toEqual([]);
    });

    test("a server with another key than the trusted one has no talk", async () => {
      const { address, accepted } = await echoing(listenerKind, curve(SERVER), somewhere());
      const end = await dialling(dialerKind, curve(CLIENT, { server: STRANGER }), address).untilEnd();
      expect(end.reason).toBe("handshake");
      expect(end.detail).toContain("it may not be who is trusted here");
      await until(() => dropped.length > 0, "it was counted");
      expect(accepted).toEqual([]);
    });

    test.each([
      ["nothing", "PLAIN", () => undefined, plain],
      ["PLAIN", "nothing", plain, () => undefined],
      ["nothing", "CURVE", () => undefined, () => curve(SERVER)],
      ["CURVE", "nothing", () => curve(CLIENT), () => undefined],
      ["PLAIN", "CURVE", plain, () => curve(SERVER)],
      ["CURVE", "PLAIN", () => curve(CLIENT), plain],
    ] as const)("who has %s does not talk to who has %s", async (_theirs, _ours, theirs, ours) => {
      const { address, accepted } = await echoing(listenerKind, ours(), somewhere());
      const end = await dialling(dialerKind, theirs(), address).untilEnd();
      // libzmq's listener ends the connection in the midst of its own greeting, before it said what it wants.
      expect(end.reason).toMatch(listenerKind === "zmtp" ? /^denied$/ : /^(denied|handshake)$/);
      if (end.reason === "denied") expect(end.detail).toContain("security mechanism");
      expect(accepted).toEqual([]);
    });
  });
});

describe.each(KINDS)("over %s", (kind) => {
  test("where no key is trusted nothing is dialled", async () => {
    const { address } = await echoing(kind, curve(SERVER));
    const nobody = { ...curve(CLIENT), serverKeyOf: () => undefined } as Security;
    const end = await dialling(kind, nobody, address).untilEnd();
    expect(end).toMatchObject({ reason: "denied", detail: expect.stringContaining("serverKeys") });
    expect(end.error).toBeInstanceOf(AuthError);
  });

  test("neighbours with another key are served on, whoever knocks", async () => {
    const { address } = await echoing(kind, curve(SERVER));
    const neighbour = dialling(kind, curve(CLIENT), address);
    await neighbour.untilFrames(1);
    await Promise.all([3, 4, 5].map((fill) => dialling(kind, curve(pairOf(fill)), address).untilEnd()));
    neighbour.link?.send(bytes("again"));
    await neighbour.untilFrames(2);
    expect(neighbour.ends).toEqual([]);
  });
});

test("libzmq's engine asks this process whom to let in, one engine after the other on one context", async () => {
  const contexts = new ContextShelf();
  for (let turn = 0; turn < 3; turn++) {
    const engine = createLibzmqEngine({ ...ENGINE_OPTIONS, security: plain(), contexts });
    engines.push(engine);
    const listener = await engine.listen("tcp://127.0.0.1:0", (link) => ({
      onOpen() {},
      onWritable() {},
      onEnd() {},
      onFrame: (frame) => void link.send(frame),
    }));
    await dialling("libzmq", plain(), listener.address).untilFrames(1);
    expect((await dialling("libzmq", plain("x"), listener.address).untilEnd()).reason).toBe("denied");
    await engine.close();
  }
});
