import { InvalidTransportUrlError, ListenError, type TransportUrl } from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import { createMatchmaker, type MatchmakerSettings } from "../../src/matchmaker/create-matchmaker.js";
import { checkBind } from "../../src/matchmaker/static-matchmaker.js";

/** As much of a URL as a matchmaker looks at. */
function url(parts: Partial<TransportUrl>): TransportUrl {
  const text = "zmq://";
  return {
    scheme: "zmq",
    hosts: [],
    realm: "",
    query: {},
    options: {},
    toString: () => text,
    toSecretString: () => text,
    ...parts,
  };
}

function refusal(parts: Partial<TransportUrl>, settings: MatchmakerSettings = {}): InvalidTransportUrlError {
  try {
    createMatchmaker(url(parts), settings);
  } catch (error) {
    if (error instanceof InvalidTransportUrlError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("the static matchmaker", () => {
  test("has the listed hosts as standing peers, and its own address from bind", async () => {
    const hosts = [
      { host: "10.0.0.1", port: 7400 },
      { host: "::1", port: 7401 },
      { host: "node3", port: 7402 },
    ];
    const matchmaker = createMatchmaker(url({ hosts }), { bind: "127.0.0.1:7400" });
    expect(matchmaker.name).toBe("static");
    expect(matchmaker.standingPeers).toEqual(["tcp://10.0.0.1:7400", "tcp://[::1]:7401", "tcp://node3:7402"]);
    expect(matchmaker.joinLatencyMs).toBe(1_000);
    await matchmaker.open();
    expect(await matchmaker.listenAddress()).toBe("tcp://127.0.0.1:7400");
    const key = { kind: "rpc", realm: "", exchange: "e", topic: "t" } as const;
    const lease = await matchmaker.register({ ...key, server: "s", address: "tcp://127.0.0.1:7400", incarnation: "i" });
    await lease.withdraw();
    expect(await matchmaker.lookup(key)).toEqual([]);
    matchmaker.watch(key, () => {})();
    await matchmaker.close();
  });

  test("cannot listen without bind, and says what to add", async () => {
    const matchmaker = createMatchmaker(url({ hosts: [{ host: "10.0.0.1", port: 7400 }] }), {});
    await expect(matchmaker.listenAddress()).rejects.toThrow(ListenError);
    await expect(matchmaker.listenAddress()).rejects.toThrow(/add \?bind=HOST:PORT/u);
  });

  test("is chosen by hosts or bind, and the local one without", () => {
    expect(createMatchmaker(url({}), {}).name).toBe("local");
    expect(createMatchmaker(url({}), { bind: "[::1]:0" }).name).toBe("static");
    expect(createMatchmaker(url({ hosts: [{ host: "h", port: 1 }] }), {}).name).toBe("static");
  });

  test("refuses what a URL cannot mean, naming the part", () => {
    expect(refusal({ hosts: [{ host: "h" }] })).toMatchObject({
      part: "port",
      message: expect.stringContaining("h:7400"),
    });
    expect(refusal({ hosts: [{ host: "::1" }] })).toMatchObject({
      part: "port",
      message: expect.stringContaining("[::1]:7400"),
    });
    expect(refusal({ hosts: [{ host: "h", port: 0 }] }).part).toBe("port");
    expect(refusal({ hosts: [{ host: "*", port: 7 }] }).part).toBe("host");
    const withPassword = refusal({ hosts: [{ host: "h", port: 7, user: "u", password: "s3cret" }] });
    expect(withPassword.part).toBe("credentials");
    expect(withPassword.message).not.toContain("s3cret");
    expect(refusal({ hosts: [{ host: "h", port: 7 }] }, { runtimeDir: "/x" }).part).toBe("option:runtimeDir");
    for (const variant of ["redis", "sentinel", "dns", "nonsense"]) {
      expect(refusal({ variant })).toMatchObject({
        part: "variant",
        message: expect.stringContaining(`zmq+${variant}`),
      });
    }
  });
});

describe("checkBind", () => {
  test.each([
    ["127.0.0.1:7400", "tcp://127.0.0.1:7400"],
    ["127.8.9.10:1", "tcp://127.8.9.10:1"],
    ["[::1]:7400", "tcp://[::1]:7400"],
    ["[0:0:0:0:0:0:0:1]:7400", "tcp://[0:0:0:0:0:0:0:1]:7400"],
    ["[::ffff:127.0.0.1]:7400", "tcp://[::ffff:127.0.0.1]:7400"],
    ["localhost:0", "tcp://localhost:0"],
    ["LocalHost:65535", "tcp://LocalHost:65535"],
  ])("%s is this machine", (bind, address) => {
    expect(checkBind(bind, undefined)).toBe(address);
  });

  test.each([
    "0.0.0.0:7400",
    "*:7400",
    "[::]:7400",
    "10.0.0.1:7400",
    "192.168.1.2:7400",
    "[fe80::1]:7400",
    "[2001:db8::1]:7400",
    "[::ffff:10.0.0.1]:7400",
    "example.org:7400",
    "localhost.example.org:7400",
    "eth0:7400",
    "128.0.0.1:7400",
  ])("%s is beyond it, and needs security=none", (bind) => {
    const attempt = (): string => checkBind(bind, undefined);
    expect(attempt).toThrow(InvalidTransportUrlError);
    expect(attempt).toThrow(expect.objectContaining({ part: "option:security" }));
    expect(attempt).toThrow(/beyond this machine.*security=none/u);
    expect(checkBind(bind, "none")).toBe(`tcp://${bind}`);
  });

  test.each([
    "",
    "7400",
    ":7400",
    "host",
    "127.0.0.1:70000",
    "127.0.0.1:1-5",
    "::1:7400",
    "[::1]",
    "[nonsense]:1",
    "a b:1",
    "tcp://h:1",
  ])("%j is no address", (bind) => {
    expect(() => checkBind(bind, "none")).toThrow(expect.objectContaining({ part: "option:bind" }));
  });
});
