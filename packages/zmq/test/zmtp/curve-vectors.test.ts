/** What libzmq said, and what was answered: the same bytes get the same answers. */
import { describe, expect, test } from "vitest";
import { SODIUM_LOADERS } from "../../src/zmtp/crypto/load-sodium.js";
import { curveClient } from "../../src/zmtp/mechanisms/curve-client.js";
import { curveServer } from "../../src/zmtp/mechanisms/curve-server.js";
import { CLIENT, SERVER } from "../support/curve-keys.js";
import { fixedSodium } from "../support/fixed-sodium.js";
import { RECORDED } from "../support/recorded-curve.js";
import { SessionRecorder } from "../support/session-recorder.js";

const MESSAGE = ["hello", "from libzmq"];

describe.each(["sodium-native", "libsodium-wrappers"] as const)("over %s", async (library) => {
  const sodium = fixedSodium(await SODIUM_LOADERS[library]());
  const router = (): SessionRecorder =>
    new SessionRecorder({
      mechanism: curveServer(sodium, { own: SERVER, isAllowed: (key) => key.equals(CLIENT.publicKey) }),
    });
  const dealer = (): SessionRecorder =>
    new SessionRecorder({
      socketType: "DEALER",
      identity: Buffer.from("d1"),
      mechanism: curveClient(sodium, { own: CLIENT, serverKey: SERVER.publicKey }),
    });

  test.each([
    ["a DEALER", router, RECORDED.client, { minor: 1, socketType: "DEALER", identity: Buffer.from("z1") }],
    ["a ROUTER", dealer, RECORDED.server, { minor: 1, socketType: "ROUTER", identity: Buffer.alloc(0) }],
  ] as const)(
    "%s of libzmq's is answered as it was, whatever way its bytes are cut",
    (_what, make, { theirs, ours }, peer) => {
      for (const size of [1, 7, 64, 10_000]) {
        const recorder = make();
        recorder.session.start();
        const bytes = Buffer.from(theirs, "hex");
        for (let at = 0; at < bytes.length; at += size) recorder.feed(bytes.subarray(at, at + size));
        expect(recorder.error).toBeUndefined();
        expect(Buffer.concat(recorder.written).toString("hex")).toBe(ours);
        expect(recorder.peers).toEqual([peer]);
        expect(recorder.messages.map((frames) => frames.map(String))).toEqual([MESSAGE]);
      }
    },
  );

  test("a recorded handshake says nothing to a connection with keys of its own", async () => {
    const real = await SODIUM_LOADERS[library]();
    const mechanism = curveServer(real, { own: SERVER, isAllowed: () => true });
    const replayed = new SessionRecorder({ mechanism }).feed(Buffer.from(RECORDED.client.theirs, "hex"));
    expect(replayed.error?.code).toBe("crypto");
    expect(replayed.peers).toEqual([]);
    expect(replayed.messages).toEqual([]);
  });
});
