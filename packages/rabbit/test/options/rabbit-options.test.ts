import { InvalidTransportUrlError } from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import { rabbitSchema, readRabbitQuery } from "../../src/options/rabbit-options.js";
import type { RabbitSettings } from "../../src/options/settings.js";
import { RABBIT_TOPOLOGY } from "../../src/topology/rabbit-naming.js";
import { rabbitSettings, urlOf } from "../support/urls.js";

const NAMES = Object.keys(rabbitSchema.shape);

const DEFAULTS: RabbitSettings = {
  naming: "rabbit",
  hosts: [{ host: "localhost", port: 5_672, user: undefined, password: undefined }],
  vhost: "/",
  login: "plain",
  tls: undefined,
  heartbeatMs: 10_000,
  failover: "shuffle",
  reconnection: { kind: "jitter", baseDelayMs: 100, maxDelayMs: 2_000 },
  maxMessageBytes: 16 * 1024 * 1024,
  queueMessages: 10_000,
  queueMiB: 64,
  clockToleranceMs: 1_000,
  idleChannelMs: 60_000,
  consumerTimeoutMs: 1_800_000,
  compresses: false,
  replyRetryMs: 60_000,
  topology: RABBIT_TOPOLOGY,
};

test("a URL without options has the defaults, and so has one that core has not read", () => {
  expect(rabbitSettings("")).toEqual(DEFAULTS);
  expect(readRabbitQuery({})).toEqual(readRabbitQuery(urlOf("rabbit://").options));
});

const TLS = "tls=true";
const tls = { caFile: undefined, certFile: undefined, keyFile: undefined, serverName: undefined, checksHostName: true };

/** Of each option: a value, what it needs beside it, and what it changes of the settings. */
const EFFECTS: Readonly<Record<string, readonly [value: string, beside: string, change: Partial<RabbitSettings>]>> = {
  tls: ["true", "", { tls, hosts: [{ ...DEFAULTS.hosts[0], port: 5_671 } as RabbitSettings["hosts"][number]] }],
  tlsCaFile: ["/ca.pem", TLS, { tls: { ...tls, caFile: "/ca.pem" } }],
  tlsCertFile: ["/c.pem", `${TLS}&tlsKeyFile=/k.pem`, { tls: { ...tls, certFile: "/c.pem", keyFile: "/k.pem" } }],
  tlsKeyFile: ["/k.pem", `${TLS}&tlsCertFile=/c.pem`, { tls: { ...tls, certFile: "/c.pem", keyFile: "/k.pem" } }],
  tlsServerName: ["mq", TLS, { tls: { ...tls, serverName: "mq" } }],
  login: ["amqplain", "", { login: "amqplain" }],
  failover: ["in-turn", "", { failover: "in-turn" }],
  heartbeatMs: ["2000", "", { heartbeatMs: 2_000 }],
  reconnectMs: ["5", "", { reconnection: { kind: "jitter", baseDelayMs: 5, maxDelayMs: 2_000 } }],
  reconnectMaxMs: ["500", "", { reconnection: { kind: "jitter", baseDelayMs: 100, maxDelayMs: 500 } }],
  maxMessageBytes: ["256", "", { maxMessageBytes: 256 }],
  queueMessages: ["1", "", { queueMessages: 1 }],
  queueMiB: ["0.5", "", { queueMiB: 0.5 }],
  clockToleranceMs: ["0", "", { clockToleranceMs: 0 }],
  idleChannelMs: ["1000", "", { idleChannelMs: 1_000 }],
  compression: ["zlib", "", { compresses: true }],
  consumerTimeoutMs: ["0", "", { consumerTimeoutMs: 0 }],
  quorum: ["yes", "", { topology: { ...RABBIT_TOPOLOGY, quorum: true } }],
  maxLength: ["5", "", { topology: { ...RABBIT_TOPOLOGY, maxLength: 5 } }],
  maxEvents: ["5", "", { topology: { ...RABBIT_TOPOLOGY, maxEvents: 5 } }],
  expiresMs: ["5", "", { topology: { ...RABBIT_TOPOLOGY, expiresMs: 5 } }],
  unclaimedEvents: ["drop", "", { topology: { ...RABBIT_TOPOLOGY, keepsUnclaimedEvents: false } }],
};

describe("each option that is read has its effect, and no other", () => {
  test("none is forgotten here", () => {
    expect(Object.keys(EFFECTS).toSorted()).toEqual(NAMES.toSorted());
  });

  test.each(NAMES)("%s", (name) => {
    const [value, beside, change] = EFFECTS[name] ?? ["", "", {}];
    const tlsOnly = beside === "" ? {} : { hosts: rabbitSettings(TLS).hosts };
    const settings = rabbitSettings(`${name}=${value}${beside === "" ? "" : `&${beside}`}`);
    expect(settings).toEqual({ ...DEFAULTS, ...tlsOnly, ...change });
    expect(settings).not.toEqual(rabbitSettings(beside === TLS ? TLS : ""));
  });

  test("words and truths are taken whatever their case", () => {
    for (const word of ["TRUE", "1", "Yes", "on"]) expect(rabbitSettings(`quorum=${word}`).topology.quorum).toBe(true);
    for (const word of ["False", "0", "NO", "off"])
      expect(rabbitSettings(`quorum=${word}`).topology.quorum).toBe(false);
    expect(rabbitSettings("login=AMQPLAIN&failover=In-Turn")).toMatchObject({ login: "amqplain", failover: "in-turn" });
  });
});

describe("a bad value is refused under the option's name", () => {
  const MOST = String(2 ** 31);
  test.each<[string, readonly string[], RegExp]>([
    ["tls", ["maybe", "", "2"], /true or false/],
    ["tlsCaFile", [""], /./],
    ["tlsCertFile", [""], /./],
    ["tlsKeyFile", [""], /./],
    ["tlsServerName", [""], /./],
    ["login", ["", "md5"], /one of plain, amqplain, external/],
    ["failover", ["", "random"], /one of shuffle, in-turn/],
    ["heartbeatMs", ["0", "999", "1500", "601000"], /./],
    ["heartbeatMs", ["1500"], /whole seconds/],
    ["reconnectMs", ["0", "-1", "1.5", MOST], /./],
    ["reconnectMaxMs", ["0", "-1", "1.5", MOST], /./],
    ["maxMessageBytes", ["0", "255", "1.5", String(2 ** 28 + 1)], /./],
    ["queueMessages", ["0", "-1", "1.5", MOST], /./],
    ["queueMiB", ["0", "-1"], />0/],
    ["clockToleranceMs", ["-1", "1.5", MOST], /./],
    ["idleChannelMs", ["0", "999", MOST], /./],
    ["compression", ["", "gzip", "true"], /one of none, zlib/],
    ["consumerTimeoutMs", ["-1", "1.5", MOST], /./],
    ["quorum", ["", "quorum"], /true or false/],
    ["maxLength", ["0", "-1", "1.5", MOST], /./],
    ["maxEvents", ["0", "-1", "1.5", MOST], /./],
    ["expiresMs", ["-1", "1.5", MOST], /./],
    ["unclaimedEvents", ["", "true"], /one of keep, drop/],
  ])("%s: %j", (name, values, words) => {
    for (const value of values) {
      const read = (): unknown => rabbitSettings(`${name}=${value}`);
      expect(read, value).toThrow(InvalidTransportUrlError);
      expect(read, value).toThrow(expect.objectContaining({ part: `option:${name}` }));
      expect(read, value).toThrow(new RegExp(`option "?${name}.*${words.source}`));
    }
  });

  test.each(NAMES.filter((name) => /Ms$|MiB$|Bytes$|Messages$|^max/.test(name)))(
    "%s: no number, which nothing is either",
    (name) => {
      for (const value of ["", "%20", "many", "NaN", "1,5"]) {
        expect(() => rabbitSettings(`${name}=${value}`), JSON.stringify(value)).toThrow(
          expect.objectContaining({ name: "InvalidTransportUrlError", part: `option:${name}` }),
        );
      }
      expect(() => rabbitSettings(`${name}=Infinity`)).toThrow(InvalidTransportUrlError);
    },
  );

  test("an unknown option is named, with the nearest that there is", () => {
    expect(() => rabbitSettings("heartBeatMs=1000")).toThrow(
      'unknown option "heartBeatMs": did you mean "heartbeatMs"?',
    );
    expect(() => rabbitSettings("amqp_durable_queues=true")).toThrow('unknown option "amqp_durable_queues"');
  });

  test("all bad ones are told at once", () => {
    expect(() => rabbitSettings("maxLength=0&login=md5")).toThrow(/maxLength.*login|login.*maxLength/s);
  });
});
