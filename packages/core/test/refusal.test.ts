import { describe, expect, test } from "vitest";
import { CAPABILITY_KEYS, type Capabilities, defineCapabilities } from "../src/capabilities.js";
import { InvalidArgumentError, NotSupportedError } from "../src/errors.js";
import { checkRequirements, type Requirements, requireCapability } from "../src/refusal.js";
import { MANIFEST } from "./support/manifest.js";

describe("the manifest (H)", () => {
  test("is frozen to its depths", () => {
    const manifest = defineCapabilities(MANIFEST);
    expect(Object.isFrozen(manifest)).toBe(true);
    expect(Object.isFrozen(manifest.acceptance)).toBe(true);
    expect(Object.isFrozen(manifest.duplicateWindow)).toBe(true);
  });

  test.each([
    ["pools without events", { pools: true, events: false }, "pools implies events"],
    [
      "a durable acceptance that stores nothing",
      { acceptance: { casts: "durable", events: "durable" }, storesOffline: false },
      "implies storesOffline",
    ],
    ["cancel without rpc", { rpc: false }, "cancel implies rpc"],
    ["a word that is none", { ordering: "total" }, "ordering must be one of"],
    ["a filter that is none", { eventContext: "all" }, "eventContext must be one of listed, filtered"],
    ["a boolean that is none", { tls: "yes" }, "tls must be true or false"],
    ["an unknown key", { turbo: true }, "turbo is no key"],
    ["a negative bound", { detectionMs: -1 }, "detectionMs must be a number"],
  ])("refuses %s", (_name, change, message) => {
    // The wrong kinds are the point.
    const manifest = { ...MANIFEST, ...change } as Capabilities;
    expect(() => defineCapabilities(manifest)).toThrow(message);
  });

  test("refuses a missing key, and names every problem at once", () => {
    const { tls: _tls, auth: _auth, ...rest } = MANIFEST;
    expect(() => defineCapabilities(rest as Capabilities)).toThrow(/tls is missing.*auth is missing/s);
  });
});

describe("transport.require", () => {
  const check = (needs: Requirements): void => checkRequirements(needs, MANIFEST, "loopback");

  test.each<Requirements>([
    {},
    { rpc: true, fanout: true },
    { tls: false },
    { acceptance: { casts: "transport" } },
    { undeliverable: "no-queue" },
    { peerDeath: "monitored" },
    { maxMessageBytes: 1_000 },
    { detectionMs: 60_000, joinLatencyMs: 0 },
    { duplicateWindow: { ids: 10 } },
    { ordering: "none" },
    { eventContext: "listed" },
    { exchanges: true, exactNames: true },
  ])("%j is met", (needs) => check(needs));

  test.each<[string, Requirements]>([
    ["tls", { tls: true }],
    ["acceptance", { acceptance: { events: "durable" } }],
    ["maxMessageBytes", { maxMessageBytes: 1e12 }],
    ["detectionMs", { detectionMs: 1 }],
    ["duplicateWindow", { duplicateWindow: { ids: 1e9 } }],
    ["backpressure", { backpressure: "reject" }],
  ])("%s is not: it says which, and of which driver", (capability, needs) => {
    expect(() => check(needs)).toThrow(
      expect.objectContaining({ name: "NotSupportedError", capability, driver: "loopback", code: "ERR_NOT_SUPPORTED" }),
    );
  });

  test.each([
    { turbo: true },
    { tls: "yes" },
    { ordering: "total" },
    { acceptance: { replies: "durable" } },
    { detectionMs: Number.NaN },
  ])("%j is a mistake of the application's", (needs) => {
    expect(() => check(needs as Requirements)).toThrow(InvalidArgumentError);
  });

  test("every key of the manifest can be asked for", () => {
    for (const key of CAPABILITY_KEYS) expect(() => check({ [key]: MANIFEST[key] })).not.toThrow();
  });
});

test("a manifest that claims less is told by name: exchanges, exact names, what of a context travels", () => {
  const less = { ...MANIFEST, exchanges: false, exactNames: false, eventContext: "listed" } as const;
  for (const needs of [{ exchanges: true }, { exactNames: true }, { eventContext: "filtered" }] as Requirements[]) {
    const [capability] = Object.keys(needs);
    expect(() => checkRequirements(needs, less, "loopback")).toThrow(
      expect.objectContaining({ name: "NotSupportedError", capability, driver: "loopback" }),
    );
  }
  expect(() => checkRequirements({ exchanges: false, eventContext: "listed" }, less, "loopback")).not.toThrow();
});

test("what is not claimed is refused by name", () => {
  expect(() => requireCapability(MANIFEST, "loopback", "rpc", "a client")).not.toThrow();
  expect(() => requireCapability(MANIFEST, "loopback", "tls", "TLS")).toThrow(NotSupportedError);
});
