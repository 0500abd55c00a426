import { until } from "@trunkline/core/testing";
import { afterEach, describe, expect, test } from "vitest";
import { dialFailure } from "../../src/connection/broker-error.js";
import { type DialSettings, dial } from "../../src/connection/dial.js";
import { placeOf } from "../../src/connection/host-order.js";
import { BrokerPeer, METHODS } from "../support/broker-peer.js";

const SETTINGS: DialSettings = {
  vhost: "/",
  login: "plain",
  heartbeatMs: 10_000,
  dialTimeoutMs: 5_000,
  tls: undefined,
};
const never = new AbortController().signal;
const peers: BrokerPeer[] = [];

async function peerThat(script: readonly (Buffer | undefined)[]): Promise<BrokerPeer> {
  const peer = await BrokerPeer.open(script);
  peers.push(peer);
  return peer;
}

afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
});

/** The script of a broker that takes anybody: StartOk is answered by Tune, TuneOk by nothing, Open by OpenOk. */
const WELCOME = [METHODS.start(), METHODS.tune(), undefined, METHODS.openOk(), METHODS.closeOk()];

/** Name and response of the login, behind the table of the client's properties. */
function loginOf(startOk: Buffer): {
  readonly properties: string;
  readonly mechanism: string;
  readonly response: string;
} {
  const tableEnd = 4 + startOk.readUInt32BE(0);
  const nameEnd = tableEnd + 1 + (startOk[tableEnd] ?? 0);
  const responseEnd = nameEnd + 4 + startOk.readUInt32BE(nameEnd);
  return {
    properties: startOk.subarray(4, tableEnd).toString("latin1"),
    mechanism: startOk.subarray(tableEnd + 1, nameEnd).toString(),
    response: startOk.subarray(nameEnd + 4, responseEnd).toString("latin1"),
  };
}

describe("a connection that is made", () => {
  test("says who it is, what it is called, and which vhost it wants", async () => {
    const peer = await peerThat(WELCOME);
    const { destroy } = await dial(peer.host, { ...SETTINGS, vhost: "a/b é" }, "app:send", never);
    const [startOk, tuneOk, open] = peer.heard;
    const login = loginOf(startOk?.args ?? Buffer.alloc(8));
    expect([login.mechanism, login.response]).toEqual(["PLAIN", "\0u\0p"]);
    expect(login.properties).toContain("connection_name");
    expect(login.properties).toContain("app:send");
    expect(login.properties).toContain("trunkline");
    expect([tuneOk?.id, tuneOk?.args.readUInt16BE(6)]).toEqual(["10.31", 10]);
    const vhost = open?.args.subarray(1, 1 + (open.args[0] ?? 0)).toString();
    expect([open?.id, vhost]).toEqual(["10.40", "a/b é"]);
    destroy();
  });

  test("logs in as guest where the URL names nobody", async () => {
    const peer = await peerThat(WELCOME);
    const { destroy } = await dial({ ...peer.host, user: undefined, password: undefined }, SETTINGS, "n", never);
    expect(loginOf(peer.heard[0]?.args ?? Buffer.alloc(8)).response).toBe("\0guest\0guest");
    destroy();
  });

  test.each([
    ["amqplain", "AMQPLAIN", "LOGIN"],
    ["external", "EXTERNAL", ""],
  ] as const)("logs in by %s", async (login, mechanism, within) => {
    const peer = await peerThat(WELCOME);
    const { destroy } = await dial(peer.host, { ...SETTINGS, login }, "n", never);
    const said = loginOf(peer.heard[0]?.args ?? Buffer.alloc(8));
    expect(said.mechanism).toBe(mechanism);
    expect(said.response).toContain(within);
    destroy();
  });

  test("ends at once when it is destroyed, and once more is harmless", async () => {
    const peer = await peerThat(WELCOME);
    const { model, destroy } = await dial(peer.host, SETTINGS, "n", never);
    const ended = new Promise((resolve) => model.once("close", resolve));
    destroy();
    destroy();
    await ended;
    await until(() => peer.sockets[0]?.destroyed === true || peer.sockets[0]?.readableEnded === true);
  });

  test("a signal that fires later does nothing to it", async () => {
    const peer = await peerThat(WELCOME);
    const late = new AbortController();
    const { model, destroy } = await dial(peer.host, SETTINGS, "n", late.signal);
    late.abort();
    // It still hears and answers: the broker's answer to its goodbye.
    await model.close();
    expect(peer.heard.at(-1)?.id).toBe("10.50");
    destroy();
  });
});

describe("what refuses it is told apart: the library's words are these", () => {
  const failureOf = async (peer: BrokerPeer, settings = SETTINGS): Promise<string> => {
    const error: unknown = await dial(peer.host, settings, "n", never).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return dialFailure(error, placeOf(peer.host), settings.vhost).trouble;
  };

  test("credentials", async () => {
    expect(
      await failureOf(await peerThat([METHODS.start(), METHODS.close(403, "ACCESS_REFUSED - Login was refused")])),
    ).toBe("credentials");
  });

  test("a mechanism", async () => {
    expect(await failureOf(await peerThat([METHODS.start("EXTERNAL PLAIN")]), { ...SETTINGS, login: "amqplain" })).toBe(
      "mechanism",
    );
  });

  test("a vhost", async () => {
    const closing = METHODS.close(530, "NOT_ALLOWED - vhost not found");
    expect(await failureOf(await peerThat([METHODS.start(), METHODS.tune(), undefined, closing]))).toBe("vhost");
  });

  test("a broker that shuts down, one that speaks something else, and none", async () => {
    const closing = METHODS.close(320, "CONNECTION_FORCED - broker forced connection closure");
    expect(await failureOf(await peerThat([METHODS.start(), closing]))).toBe("network");
    expect(await failureOf(await peerThat([Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")]))).toBe("network");
    const gone = await BrokerPeer.open([]);
    await gone.close();
    expect(await failureOf(gone)).toBe("network");
  });
});

describe("a connection in the making is given up", () => {
  test("by a signal that has fired before: nothing is tried", async () => {
    const peer = await peerThat(WELCOME);
    const reason = new Error("given up");
    await expect(dial(peer.host, SETTINGS, "n", AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(peer.sockets).toHaveLength(0);
  });

  test.each([
    ["that says nothing", [undefined], 0],
    ["that stops after its greeting", [METHODS.start()], 1],
    ["that never opens the vhost", [METHODS.start(), METHODS.tune()], 3],
  ])("with a broker %s, and its socket is gone", async (_, script, methods) => {
    const peer = await peerThat(script);
    const giving = new AbortController();
    const dialing = dial(peer.host, SETTINGS, "n", giving.signal);
    dialing.catch(() => {});
    await until(() => peer.sockets.length === 1 && peer.heard.length >= methods);
    giving.abort(new Error("too late"));
    await expect(dialing).rejects.toThrow();
    await until(() => peer.sockets[0]?.destroyed === true);
  });
});
