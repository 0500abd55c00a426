import { InvalidTransportUrlError, parseTransportUrl } from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import { osloSchema } from "../../src/options/oslo-options.js";
import { rabbitSchema } from "../../src/options/rabbit-options.js";
import { readSettings, schemaOf } from "../../src/options/read-settings.js";
import { osloSettings, rabbitSettings, urlOf } from "../support/urls.js";

describe("the variant", () => {
  test("decides the options", () => {
    expect(schemaOf(parseTransportUrl("rabbit://"))).toBe(rabbitSchema);
    expect(schemaOf(parseTransportUrl("rabbit+oslo://"))).toBe(osloSchema);
    expect(readSettings(urlOf("rabbit://")).naming).toBe("rabbit");
    expect(readSettings(urlOf("rabbit+oslo://")).naming).toBe("oslo");
  });

  test("is none or oslo", () => {
    for (const text of ["rabbit+nova://", "rabbit+oslo.1://"]) {
      const read = (): unknown => readSettings(parseTransportUrl(text));
      expect(read).toThrow(expect.objectContaining({ name: "InvalidTransportUrlError", part: "scheme" }));
      expect(read).toThrow("write rabbit:// or rabbit+oslo://");
      expect(() => schemaOf(parseTransportUrl(text))).toThrow(InvalidTransportUrlError);
    }
  });
});

describe.each([
  ["rabbit", rabbitSettings, "tls=true"],
  ["oslo", osloSettings, "ssl=true"],
] as const)("hosts and vhost of %s", (_, settings, tls) => {
  test("none is this machine's broker", () => {
    expect(settings("").hosts).toEqual([{ host: "localhost", port: 5_672, user: undefined, password: undefined }]);
    expect(settings(tls).hosts.map(({ port }) => port)).toEqual([5_671]);
  });

  test("each has its port, its user and its password", () => {
    expect(settings("", "a:b@one:1,c:d@two,e@[::1]:3").hosts).toEqual([
      { host: "one", port: 1, user: "a", password: "b" },
      { host: "two", port: 5_672, user: "c", password: "d" },
      { host: "::1", port: 3, user: "e", password: undefined },
    ]);
    expect(settings(tls, "one:1,two").hosts.map(({ port }) => port)).toEqual([1, 5_671]);
  });

  test("a host without credentials has those of the first that has any", () => {
    expect(settings("", "one,a:b@two,c:d@three,four").hosts.map(({ user, password }) => [user, password])).toEqual([
      ["a", "b"],
      ["a", "b"],
      ["c", "d"],
      ["a", "b"],
    ]);
  });

  test("the path is the vhost", () => {
    expect(settings("", "one").vhost).toBe("/");
    expect(settings("", "one/cloud").vhost).toBe("cloud");
    expect(settings("", "one/a%2Fb").vhost).toBe("a/b");
  });
});

describe("options that contradict each other are refused under a name", () => {
  test.each<[string, string, RegExp]>([
    ["reconnectMs=500&reconnectMaxMs=499", "reconnectMaxMs", /at least reconnectMs/],
    ["reconnectMs=5000", "reconnectMaxMs", /at least reconnectMs/],
    ["tlsCaFile=/ca", "tls", /must be true where a tls… option is given/],
    ["tls=false&tlsServerName=mq", "tls", /must be true/],
    ["tls=true&tlsCertFile=/c", "tlsCertFile", /needs tlsKeyFile beside it/],
    ["tls=true&tlsKeyFile=/k", "tlsKeyFile", /needs tlsCertFile beside it/],
    ["login=external", "login", /client certificate: give tlsCertFile/],
    ["tls=true&login=external", "login", /client certificate/],
  ])("rabbit: %s", (query, option, words) => {
    const read = (): unknown => rabbitSettings(query);
    expect(read).toThrow(expect.objectContaining({ name: "InvalidTransportUrlError", part: `option:${option}` }));
    expect(read).toThrow(new RegExp(`option "${option}" .*${words.source}`));
  });

  test.each<[string, string, RegExp]>([
    ["rabbit_ha_queues=true&rabbit_quorum_queue=true", "rabbit_quorum_queue", /excludes rabbit_ha_queues/],
    ["ssl_ca_file=/ca", "ssl", /must be true where an ssl_… file is given/],
    ["ssl=true&ssl_cert_file=/c", "ssl_cert_file", /needs ssl_key_file beside it/],
    ["ssl=true&ssl_key_file=/k", "ssl_key_file", /needs ssl_cert_file beside it/],
    ["rabbit_login_method=EXTERNAL", "rabbit_login_method", /client certificate: give ssl_cert_file/],
  ])("oslo: %s", (query, option, words) => {
    const read = (): unknown => osloSettings(query);
    expect(read).toThrow(expect.objectContaining({ name: "InvalidTransportUrlError", part: `option:${option}` }));
    expect(read).toThrow(new RegExp(`option "${option}" .*${words.source}`));
  });

  test("and those that only look so are taken", () => {
    expect(rabbitSettings("reconnectMs=500&reconnectMaxMs=500").reconnection).toMatchObject({ maxDelayMs: 500 });
    const login = "login=external&tls=true&tlsCertFile=/c&tlsKeyFile=/k";
    expect(rabbitSettings(login)).toMatchObject({ login: "external", tls: { certFile: "/c", keyFile: "/k" } });
    const method = "rabbit_login_method=external&ssl=true&ssl_cert_file=/c&ssl_key_file=/k";
    expect(osloSettings(method).login).toBe("external");
  });
});
