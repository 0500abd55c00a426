import { describe, expect, test } from "vitest";
import { InvalidArgumentError, InvalidTargetError } from "../../src/errors.js";
import { EndpointTable, expose } from "../../src/rpc/endpoint.js";

class Base {
  inherited(): string {
    return "inherited";
  }
}

class Compute extends Base {
  readonly target = { namespace: "admin", version: "1.2", legacyNamespaces: [undefined] };
  notAMethod = 1;
  boot(): string {
    return "boot";
  }
  _hidden(): string {
    return "hidden";
  }
  get accessor(): () => string {
    return () => "accessor";
  }
}

describe("exposed methods", () => {
  const table = new EndpointTable([new Compute()], "public");

  test.each(["boot", "inherited"])("%s of the object or of its classes is reachable", (method) => {
    expect(table.resolve("admin", "1.0", method).kind).toBe("found");
  });

  test.each([
    "constructor",
    "__proto__",
    "toString",
    "hasOwnProperty",
    "_hidden",
    "accessor",
    "notAMethod",
    "target",
    "valueOf",
    "",
  ])("%j is not", (method) => {
    expect(table.resolve("admin", "1.0", method)).toEqual({ kind: "no-such-method" });
  });

  test("a null-prototype object serves its own methods", () => {
    const endpoint = Object.assign(Object.create(null) as object, { ping: () => "pong" });
    expect(new EndpointTable(endpoint, "public").resolve(undefined, undefined, "ping").kind).toBe("found");
  });

  test("explicit exposure leaves only what was marked", () => {
    const endpoint = { open: expose(() => 1), shut: () => 2 };
    const explicit = new EndpointTable([endpoint], "explicit");
    expect(explicit.resolve(undefined, undefined, "open").kind).toBe("found");
    expect(explicit.resolve(undefined, undefined, "shut").kind).toBe("no-such-method");
  });

  test("a policy of the application's own decides by endpoint and name", () => {
    const endpoint = { readA: () => 1, writeA: () => 2 };
    const own = new EndpointTable([endpoint], (_object, name) => name.startsWith("read"));
    expect(own.resolve(undefined, undefined, "readA").kind).toBe("found");
    expect(own.resolve(undefined, undefined, "writeA").kind).toBe("no-such-method");
  });
});

describe("which endpoint answers", () => {
  const first = { boot: () => "first" };
  const second = { target: { version: "1.5" }, boot: () => "second", later: () => "later" };
  const other = { target: { namespace: "other", version: "2.0" }, boot: () => "other" };
  const table = new EndpointTable([first, second, other], "public");

  test("the first that fits namespace, version and method", () => {
    expect(table.resolve(undefined, undefined, "boot")).toMatchObject({ object: first });
    expect(table.resolve(undefined, "1.4", "boot")).toMatchObject({ object: second });
    expect(table.resolve(undefined, "1.0", "later")).toMatchObject({ object: second });
    expect(table.resolve("other", "2.0", "boot")).toMatchObject({ object: other });
  });

  test.each([
    [undefined, "1.6"],
    [undefined, "2.0"],
    ["other", "1.0"],
    ["unknown", "1.0"],
    [undefined, "nonsense"],
  ])("none for namespace %s at version %s", (namespace, version) => {
    expect(table.resolve(namespace, version, "boot").kind).toBe("unsupported-version");
  });

  test("a legacy namespace is accepted", () => {
    const compute = new EndpointTable([new Compute()], "public");
    expect(compute.resolve(undefined, "1.1", "boot").kind).toBe("found");
  });
});

describe("bad endpoints are refused when serving", () => {
  test.each([
    ["none", []],
    ["null", [null]],
    ["a string", ["endpoint"]],
    ["one without methods", [{}]],
    ["one with hidden methods only", [{ _a: () => 1 }]],
    ["an unknown field in its target", [{ target: { topic: "t" }, a: (): number => 1 }]],
    ["a bad version", [{ target: { version: "one" }, a: (): number => 1 }]],
  ])("%s", (_name, endpoints) => {
    // The wrong kinds are the point.
    expect(() => new EndpointTable(endpoints as object[], "public")).toThrow(InvalidArgumentError);
  });

  test("a bad namespace", () => {
    expect(() => new EndpointTable([{ target: { namespace: "" }, a: () => 1 }], "public")).toThrow(InvalidTargetError);
  });
});
