import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { InvalidTransportUrlError } from "../src/errors.js";
import { parseTransportUrl, type TransportUrl, withOptions } from "../src/transport-url.js";

/** Every part by name, credentials and options too. */
function parts(url: TransportUrl): object {
  return {
    scheme: url.scheme,
    variant: url.variant,
    hosts: url.hosts.map(({ host, port, user, password }) => ({ host, port, user, password })),
    realm: url.realm,
    query: url.query,
    options: url.options,
  };
}

function refusal(text: unknown): InvalidTransportUrlError {
  try {
    // Bad input is refused whether TypeScript would have caught it or not.
    parseTransportUrl(text as string);
  } catch (error) {
    if (error instanceof InvalidTransportUrlError) return error;
    throw error;
  }
  throw new Error(`${String(text)} was accepted`);
}

describe("what a URL says", () => {
  test.each([
    ["zmq://", { scheme: "zmq", hosts: [], realm: "" }],
    ["fake://", { scheme: "fake", hosts: [], realm: "" }],
    ["fake:///lab", { scheme: "fake", hosts: [], realm: "lab" }],
    ["zmq://?a=1", { scheme: "zmq", hosts: [], query: { a: "1" } }],
    ["zmq+redis://h", { scheme: "zmq", variant: "redis", hosts: [{ host: "h" }] }],
    ["zmq://h:", { hosts: [{ host: "h" }] }],
    ["zmq://h:0", { hosts: [{ host: "h", port: 0 }] }],
    ["zmq://h:65535", { hosts: [{ host: "h", port: 65_535 }] }],
    ["zmq://[::1]:5555,[fe80::1%25eth0]", { hosts: [{ host: "::1", port: 5555 }, { host: "fe80::1%eth0" }] }],
    ["rabbit://h/a%2Fb", { realm: "a/b" }],
    ["rabbit://h//", { realm: "/" }],
    ["rabbit://h/%2F", { realm: "/" }],
    ["rabbit://h/a/b", { realm: "a/b" }],
    ["rabbit://h?x=1+1&y=&z=a%3Db", { query: { x: "1+1", y: "", z: "a=b" } }],
    ["rabbit://h/?", { realm: "", query: {} }],
    [
      "rabbit://u:p@h1:1,h2:2,v@h3",
      {
        hosts: [
          { host: "h1", port: 1, user: "u", password: "p" },
          { host: "h2", port: 2 },
          { host: "h3", user: "v" },
        ],
      },
    ],
    ["rabbit://user@corp:p%40ss:w%2Fd@h", { hosts: [{ host: "h", user: "user@corp", password: "p@ss:w/d" }] }],
    [
      "zmq+sentinel://:pass@h1:26379/lab?master=om",
      { variant: "sentinel", hosts: [{ host: "h1", port: 26_379, user: "", password: "pass" }], realm: "lab" },
    ],
    ["rabbit://%C3%BC:%E2%82%AC@h", { hosts: [{ host: "h", user: "ü", password: "€" }] }],
  ])("%s", (text, expected) => {
    expect(parts(parseTransportUrl(text))).toMatchObject(expected);
  });

  test("a query name that objects have anyway is an ordinary name", () => {
    const url = parseTransportUrl("zmq://?__proto__=1&constructor=2");
    expect(Object.entries(url.query)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
    ]);
  });

  test("it is immutable", () => {
    const url = parseTransportUrl("rabbit://u:p@h?a=1");
    for (const part of [url, url.hosts, url.hosts[0], url.query, url.options]) expect(Object.isFrozen(part)).toBe(true);
  });
});

describe("what is refused", () => {
  test.each([
    [undefined, "url", "must be a string"],
    [null, "url", "got null"],
    [42, "url", "got number"],
    [{}, "url", "got object"],
    ["", "scheme", '"://"'],
    ["zmq", "scheme", "write driver://hosts/realm?option=value"],
    ["fake:/", "scheme", '"://"'],
    ["://h", "scheme", "small letter"],
    ["ZMQ://h", "scheme", "zmq://"],
    ["9p://h", "scheme", "small letter"],
    ["z_q://h", "scheme", "small letter"],
    ["zmq+://h", "scheme", "variant"],
    ["zmq+Redis://h", "scheme", "variant"],
    ["zmq://h ", "url", "space"],
    ["zmq://h\n", "url", "line end"],
    ["zmq://h#x", "url", "%23"],
    ["zmq://\ud800", "url", "surrogate"],
    ["zmq://a,,b", "host", "host 2 of 3"],
    ["zmq://h,", "host", "host 2 of 2"],
    ["zmq://:5555", "host", "no name"],
    ["rabbit://u:p@/v", "host", "no name"],
    ["zmq://::1", "host", "brackets"],
    ["zmq://[::1", "host", '"]"'],
    ["zmq://[nonsense]", "host", "IPv6"],
    ["zmq://[::1]x", "host", 'after "]"'],
    ["zmq://h:http", "port", "0 to 65535"],
    ["zmq://h:65536", "port", "0 to 65535"],
    ["zmq://h:-1", "port", "0 to 65535"],
    ["zmq://h:1e3", "port", "0 to 65535"],
    ["zmq://h%zz", "host", "%25"],
    ["zmq://h/%ff", "realm", "%25"],
    ["zmq://h/a%00b", "realm", "control"],
    [`zmq://h/${"r".repeat(256)}`, "realm", "256 bytes"],
    ["zmq://h?a", "option:a", "a=…"],
    ["zmq://h?a=1&a=2", "option:a", "twice"],
    ["zmq://h?=1", "query", "without a name"],
    ["zmq://h?a=1&&b=2", "query", "without a name"],
    ["zmq://h?a=%", "option:a", "%25"],
  ])("%j: %s", (text, part, words) => {
    const error = refusal(text);
    expect(error.part).toBe(part);
    expect(error.message).toContain(words);
  });

  test("several problems come in one error, in order", () => {
    const error = refusal("zmq://a:x,[b]/%ff?c&d=1&d=2");
    expect(error.part).toBe("port");
    for (const words of ["host 1 of 2", "host 2 of 2", "the realm", '"c"', '"d"'])
      expect(error.message).toContain(words);
  });

  test.each([
    "rabbit://user:hunter2/x@host/v",
    "rabbit://user:42/hunter2@host/v",
    "rabbit://user:42?hunter2@host",
    "rabbit://user:hunter2#x@host",
    "rabbit://user:hunter2,x@host",
    "rabbit://user:hunter2%zz@host",
    "rabbit://user:hunter2@host:port",
    "rabbit://user:hunter2@",
    "rabbit://user:hunter2@ho st",
    "user:hunter2@host",
    "rabbit:user:hunter2@host",
    "RABBIT://user:hunter2@host?a&a",
  ])("%s: no message holds the password", (text) => {
    const error = refusal(text);
    expect(`${error.message} ${error.stack} ${error.part} ${inspect(error)}`).not.toContain("hunter2");
  });
});

describe("credentials stay at home (F4)", () => {
  const url = parseTransportUrl("rabbit://user:hunter2@h1:1,h2/lab?heartbeat=3&secretKey=hunter2");
  const checked = withOptions(url, {
    scheme: "rabbit",
    options: z.object({ heartbeat: z.coerce.number(), secretKey: z.string() }),
  });

  test.each([
    ["toString", String(checked)],
    ["JSON", JSON.stringify({ checked, hosts: checked.hosts })],
    ["inspect", inspect(checked, { depth: 9 })],
    [
      "inspect of all that is hidden",
      inspect(checked, { showHidden: true, customInspect: false, depth: 9, getters: false }),
    ],
    ["the hosts alone", `${checked.hosts.join()} ${inspect(checked.hosts)}`],
    ["spreads", JSON.stringify([{ ...checked }, { ...checked.hosts[0] }])],
  ])("%s", (_name, shown) => {
    expect(shown).not.toContain("hunter2");
    expect(shown).toContain("h1");
  });

  test("they can be read by who asks for them", () => {
    expect(checked.hosts[0]?.password).toBe("hunter2");
    expect(checked.options["secretKey"]).toBe("hunter2");
    expect(checked.toSecretString()).toBe("rabbit://user:hunter2@h1:1,h2/lab?heartbeat=3&secretKey=hunter2");
    expect(checked.toString()).toBe("rabbit://h1:1,h2/lab?heartbeat=3&secretKey=***");
  });
});

test("toSecretString parses to an equal URL, whatever the parts hold", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((value) => value.isWellFormed());
  const plain = text.filter((value) => !/[\p{Cc}]/u.test(value));
  const name = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV6(),
    plain.filter((value) => !/[\s:[\]]/.test(value)),
  );
  const host = fc.record({
    host: name,
    port: fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
    credentials: fc.option(
      fc.record({ user: text, password: fc.option(fc.oneof(text, fc.constant("")), { nil: undefined }) }),
      { nil: undefined },
    ),
  });
  const url = fc.record({
    scheme: fc.stringMatching(/^[a-z][a-z0-9]{0,8}(\+[a-z][a-z0-9]{0,5})?$/),
    hosts: fc.array(host, { maxLength: 4 }),
    realm: fc.option(plain, { nil: "" }),
    query: fc.dictionary(text, fc.oneof(text, fc.constant("")), { maxKeys: 4 }),
  });
  const e = encodeURIComponent;
  fc.assert(
    fc.property(url, (sample) => {
      const hosts = sample.hosts.map(({ host: hostName, port, credentials }) => {
        const shown = hostName.includes(":") ? `[${hostName}]` : e(hostName);
        const password = credentials?.password === undefined ? "" : `:${e(credentials.password)}`;
        return `${credentials === undefined ? "" : `${e(credentials.user)}${password}@`}${shown}${port === undefined ? "" : `:${port}`}`;
      });
      const query = Object.entries(sample.query).map(([key, value]) => `${e(key)}=${e(value)}`);
      const parsed = parseTransportUrl(`${sample.scheme}://${hosts.join(",")}/${e(sample.realm)}?${query.join("&")}`);
      expect(parsed.realm).toBe(sample.realm);
      expect(Object.entries(parsed.query)).toEqual(Object.entries(sample.query));
      expect(parsed.hosts.map((one) => one.password)).toEqual(sample.hosts.map((one) => one.credentials?.password));
      expect(parts(parseTransportUrl(parsed.toSecretString()))).toEqual(parts(parsed));
    }),
  );
});

test("any text at all is parsed or refused with InvalidTransportUrlError, and never crashes", () => {
  const piece = fc.constantFrom(
    "zmq",
    "://",
    "+",
    ":",
    "@",
    ",",
    "/",
    "?",
    "=",
    "&",
    "[",
    "]",
    "%",
    "%41",
    "::1",
    "9",
    "é",
    "\ud800",
    " ",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(piece).map((pieces) => `zmq://${pieces.join("")}`),
  );
  fc.assert(
    fc.property(text, (sample) => {
      try {
        const parsed = parseTransportUrl(sample);
        expect(parts(parseTransportUrl(parsed.toSecretString()))).toEqual(parts(parsed));
      } catch (error) {
        if (!(error instanceof InvalidTransportUrlError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});

describe("the driver's options", () => {
  const options = z.object({
    bind: z.string().optional(),
    heartbeatMs: z.coerce.number().min(1).default(1_000),
    security: z.enum(["none", "curve"]).default("curve"),
    poolLinks: z.coerce.number().int().optional(),
    password: z
      .string()
      .refine((value) => value.length > 9, { error: (issue) => `bad ${String(issue.input)}` })
      .optional(),
  });
  const open = (query: string): TransportUrl =>
    withOptions(parseTransportUrl(`zmq://h${query}`), { scheme: "zmq", options });

  test("are coerced, and have their defaults", () => {
    expect(open("?heartbeatMs=5&bind=*:1").options).toEqual({ heartbeatMs: 5, bind: "*:1", security: "curve" });
    expect(open("").options).toEqual({ heartbeatMs: 1_000, security: "curve" });
    expect(open("?bind=x").query).toEqual({ bind: "x" });
  });

  test.each([
    ["?hearbeatMs=1", "option:hearbeatMs", 'did you mean "heartbeatMs"?'],
    ["?HEARTBEATMS=1", "option:HEARTBEATMS", 'did you mean "heartbeatMs"?'],
    ["?heartbeat=1", "option:heartbeat", 'did you mean "heartbeatMs"?'],
    ["?zzz=1", "option:zzz", "zmq knows bind, heartbeatMs"],
    ["?__proto__=1", "option:__proto__", "unknown option"],
    ["?heartbeatMs=soon", "option:heartbeatMs", ": option heartbeatMs=soon: it must be a number"],
    ["?heartbeatMs=0", "option:heartbeatMs", "option heartbeatMs=0: Too small"],
    ["?poolLinks=1.5", "option:poolLinks", "option poolLinks=1.5: it must be a whole number"],
    ["?heartbeatMs=a%20b%0a", "option:heartbeatMs", 'option heartbeatMs="a b\\n": it must be a number'],
    [`?heartbeatMs=${"9".repeat(50)}${"x".repeat(50)}`, "option:heartbeatMs", 'xxxxxxxxxx"…: it must be a number'],
    ["?security=maybe", "option:security", "curve"],
  ])("%s", (query, part, words) => {
    expect(() => open(query)).toThrow(expect.objectContaining({ part, message: expect.stringContaining(words) }));
  });

  test("every problem is told at once, and no secret's value", () => {
    expect(() => open("?heartbeatMs=0&bindd=1&password=hunter2")).toThrow(/bindd.*heartbeatMs.*password/);
    expect(() => open("?password=hunter2")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("hunter2") }),
    );
  });

  test("a driver without options says so", () => {
    const none = { scheme: "fake", options: z.object({}) };
    expect(() => withOptions(parseTransportUrl("fake://?a=1"), none)).toThrow(/fake has no options/);
  });
});
