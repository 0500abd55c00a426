import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BrokerHost, HostOrder, placeOf } from "../../src/connection/host-order.js";

const hostOf = (host: string, port = 5_672): BrokerHost => ({ host, port, user: undefined, password: undefined });
const HOSTS = ["a", "b", "c"].map((name) => hostOf(name));

/** What is tried, a `|` behind the last of each round. */
function tried(order: HostOrder, times: number): string {
  return Array.from({ length: times }, () => order.next())
    .map(({ host, isLast }) => (isLast ? `${host.host}|` : host.host))
    .join("");
}

test("in turn they are tried as the URL lists them, round after round", () => {
  expect(tried(new HostOrder(HOSTS, "in-turn", Math.random), 7)).toBe("abc|abc|a");
});

test("one host is the last of each round", () => {
  expect(tried(new HostOrder(HOSTS.slice(0, 1), "in-turn", Math.random), 3)).toBe("a|a|a|");
  expect(tried(new HostOrder(HOSTS.slice(0, 1), "shuffle", Math.random), 3)).toBe("a|a|a|");
});

test("shuffled, each round has an order of its own, by the source of randomness", () => {
  const values = [0, 0, 0, 0.99, 0.99, 0.99, 0.5, 0, 0];
  expect(tried(new HostOrder(HOSTS, "shuffle", () => values.shift() ?? 0), 9)).toBe("abc|cba|bac|");
});

test("in every round each host comes once, however it is shuffled", () => {
  const random = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), random, (count, values) => {
      const hosts = Array.from({ length: count }, (_, index) => hostOf(`h${index}`));
      const order = new HostOrder(hosts, "shuffle", () => values.next().value ?? 0);
      for (let round = 0; round < 3; round++) {
        const names = Array.from({ length: count }, () => order.next());
        expect(names.map(({ isLast }) => isLast)).toEqual(hosts.map((_, index) => index === count - 1));
        expect(new Set(names.map(({ host }) => host))).toEqual(new Set(hosts));
      }
    }),
  );
});

test("without a host there is nothing to try", () => {
  expect(() => new HostOrder([], "in-turn", Math.random).next()).toThrow(RangeError);
});

describe("a place for people", () => {
  test("has brackets around IPv6, and no credentials", () => {
    expect(placeOf({ ...hostOf("mq", 1), user: "u", password: "secret" })).toBe("mq:1");
    expect(placeOf(hostOf("::1", 1))).toBe("[::1]:1");
  });
});
