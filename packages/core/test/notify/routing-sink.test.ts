import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { InvalidArgumentError, OverloadedError } from "../../src/errors.js";
import { compileGlob } from "../../src/notify/glob.js";
import { createNotifier } from "../../src/notify/notifier.js";
import { createRoutingSink, openRoutingSink, type RoutingRules } from "../../src/notify/routing-sink.js";
import { createTestSink, type TestSink } from "../../src/notify/sinks.js";
import type { Priority } from "../../src/seam.js";
import { openHost, type TestHost } from "../support/notify-host.js";

const opened: TestHost[] = [];
afterEach(async () => {
  for (const host of opened.splice(0)) await host.close();
});

const named = (name: string): TestSink => Object.defineProperty(createTestSink(), "name", { value: name });

/** Which sinks get which of some events. */
async function route(rules: RoutingRules, ...events: [Priority, string][]): Promise<Record<string, string[]>> {
  const host = await openHost();
  opened.push(host);
  const sinks = ["one", "two", "three"].map(named);
  const notifier = createNotifier(host.host, { publisherId: "p", sinks: [createRoutingSink(rules, sinks)] });
  for (const [priority, type] of events) await notifier.emit(priority, type);
  const routed = sinks.map((sink) => [sink.name, sink.events.map((event) => `${event.priority} ${event.eventType}`)]);
  const sent = host.driver.bus.sent.map(({ message }) =>
    "eventType" in message ? `${message.priority} ${message.eventType}` : "",
  );
  return { ...Object.fromEntries(routed), messaging: sent };
}

describe("rules", () => {
  const events: [Priority, string][] = [
    ["info", "instance.create.end"],
    ["error", "instance.create.error"],
    ["error", "volume.delete.error"],
  ];

  test("event patterns are ORed, event and priority ANDed, groups united", async () => {
    const rules = {
      operations: {
        one: { acceptedEvents: ["instance.*", "nothing"], acceptedPriorities: ["error", "critical"] },
        two: { acceptedPriorities: ["info"] },
      },
      archive: { three: {}, messaging: { acceptedEvents: ["*.error"] } },
    };
    expect(await route(rules, ...events)).toEqual({
      one: ["error instance.create.error"],
      two: ["info instance.create.end"],
      three: ["info instance.create.end", "error instance.create.error", "error volume.delete.error"],
      messaging: ["error instance.create.error", "error volume.delete.error"],
    });
  });

  test("a sink chosen by several groups gets the event once", async () => {
    const all = { one: {}, messaging: {} };
    expect(await route({ a: all, b: all, c: { one: { acceptedEvents: ["*"] } } }, ["info", "e"])).toMatchObject({
      one: ["info e"],
      messaging: ["info e"],
    });
  });

  test("messaging behind it still rejects the emitter", async () => {
    const host = await openHost();
    opened.push(host);
    host.driver.bus.refuseNext(new OverloadedError("full"));
    const notifier = createNotifier(host.host, {
      publisherId: "p",
      sinks: [createRoutingSink({ a: { messaging: {}, log: {} } })],
    });
    await expect(notifier.info("e")).rejects.toThrow(OverloadedError);
  });

  test.each<[unknown, RegExp]>([
    [null, /the rules must be an object/],
    [{ a: [] }, /group a must be an object/],
    [{ a: { mail: {} } }, /a\.mail: there is no sink "mail"; there are messaging, log, noop, one/],
    [{ a: { one: { accepted_events: ["x"] } } }, /"accepted_events"/],
    [{ a: { one: { acceptedEvents: [] } } }, /at least one pattern/],
    [{ a: { one: { acceptedEvents: "x" } } }, /must be a list/],
    [{ a: { one: { acceptedEvents: [5] } } }, /a pattern must be a text/],
    [{ a: { one: { acceptedEvents: ["[x"] } } }, /without its "\]"/],
    [{ a: { one: { acceptedPriorities: ["warning"] } } }, /match none of audit/],
    [{ a: { one: 5 } }, /a rule must be an object/],
  ])("%j", (rules, words) => {
    expect(() => createRoutingSink(rules as RoutingRules, [named("one")])).toThrow(words);
    expect(() => createRoutingSink(rules as RoutingRules, [named("one")])).toThrow(InvalidArgumentError);
  });

  test("every problem is told at once", () => {
    expect(() => createRoutingSink({ a: { mail: {} }, b: { log: { acceptedEvents: [] } } })).toThrow(/a\.mail.*b\.log/);
  });
});

describe("from a file", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "trunkline-routing-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("JSON, read once", async () => {
    const file = join(folder, "rules.json");
    writeFileSync(file, JSON.stringify({ all: { one: { acceptedEvents: ["a.*"] } } }));
    const sink = named("one");
    const routing = await openRoutingSink(file, [sink]);
    rmSync(file);
    const host = await openHost();
    opened.push(host);
    const notifier = createNotifier(host.host, { publisherId: "p", sinks: [routing] });
    await notifier.info("a.b");
    await notifier.info("b.a");
    expect(sink.events.map((event) => event.eventType)).toEqual(["a.b"]);
  });

  test.each([
    ["missing.json", undefined, /ENOENT/],
    ["broken.json", "{", /JSON/],
    ["wrong.json", '{"a":{"mail":{}}}', /no sink "mail"/],
  ])("%s is refused, named", async (name, text, words) => {
    const file = join(folder, name);
    if (text !== undefined) writeFileSync(file, text);
    const error: unknown = await openRoutingSink(file).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ message: expect.stringMatching(words) });
    expect(error).toMatchObject({ message: expect.stringContaining(name) });
  });
});

describe("patterns", () => {
  test.each([
    ["a.b", "a.b", true],
    ["a.b", "axb", false],
    ["a.*", "a.b.c", true],
    ["a.*", "a.", true],
    ["a.*", "a", false],
    ["*", "", true],
    ["*.end", "instance.create.end", true],
    ["*.end", "instance.create.ending", false],
    ["a*b*c", "a1b2b3c", true],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["?", "😀", true],
    ["[abc]x", "bx", true],
    ["[a-c]x", "bx", true],
    ["[a-c]x", "dx", false],
    ["[!a-c]x", "dx", true],
    ["[!a-c]x", "ax", false],
    ["[]]x", "]x", true],
    ["[[]x", "[x", true],
    ["A", "a", false],
    ["(a|b)+", "(a|b)+", true],
  ])("%s on %s: %s", (pattern, text, expected) => {
    expect(compileGlob(pattern)(text)).toBe(expected);
  });

  test("stars alone agree with a regular expression", () => {
    const letters = fc
      .array(fc.constantFrom("a", "b", "*", "?", "."), { minLength: 1, maxLength: 8 })
      .map((parts) => parts.join(""));
    const text = fc.array(fc.constantFrom("a", "b", "."), { maxLength: 12 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(letters, text, (pattern, sample) => {
        const source = pattern.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".");
        expect(compileGlob(pattern)(sample)).toBe(new RegExp(`^${source}$`).test(sample));
      }),
    );
  });

  test("a hostile pattern takes no time", () => {
    const fits = compileGlob(`${"*a".repeat(50)}b`);
    expect(fits("a".repeat(255))).toBe(false);
  });
});
