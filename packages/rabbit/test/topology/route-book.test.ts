import type { Address } from "@trunkline/core/driver";
import { expect, test } from "vitest";
import { RABBIT_TOPOLOGY, RabbitNaming } from "../../src/topology/rabbit-naming.js";
import { RouteBook } from "../../src/topology/route-book.js";

const naming = new RabbitNaming(RABBIT_TOPOLOGY);
const addressOf = (more: Partial<Address> = {}): Address => ({ realm: "", exchange: "E", topic: "T", ...more });

test("the routes are the naming's, each made once", () => {
  const routes = new RouteBook(naming).of(addressOf());
  expect(routes.call).toEqual(naming.callRoute(addressOf()));
  expect(routes.cast).toEqual(naming.castRoute(addressOf()));
  expect(routes.event("info")).toEqual(naming.eventRoute(addressOf(), "info"));
  expect([routes.call, routes.cast, routes.event("info")].map((route) => route.key)).toEqual([
    "trunkline.call.E.T",
    "trunkline.cast.E.T",
    "info",
  ]);
  expect(routes.call).toBe(routes.call);
  expect(routes.cast).toBe(routes.cast);
  expect(routes.event("info")).toBe(routes.event("info"));
  expect(routes.event("warn")).not.toBe(routes.event("info"));
});

test("a fanout's cast goes to every server", () => {
  const book = new RouteBook(naming);
  expect(book.of(addressOf({ fanout: true })).cast).toEqual(naming.fanoutRoute(addressOf()));
  expect(book.of(addressOf()).cast).toEqual(naming.castRoute(addressOf()));
});

test("one address has one entry, whatever object it comes in", () => {
  const book = new RouteBook(naming);
  const address = addressOf();
  const routes = book.of(address);
  expect(book.of(address)).toBe(routes);
  expect(book.of(addressOf())).toBe(routes);
});

test("a copy that carries another's memo gets its own routes", () => {
  const book = new RouteBook(naming);
  const address = addressOf();
  book.of(address);
  for (const more of [{ topic: "U" }, { exchange: "F" }, { server: "S" }, { fanout: true as const }]) {
    const copy = { ...address, ...more };
    expect(copy.memo).toBe(address.memo);
    expect(book.of(copy).cast).toEqual(
      more.fanout === true ? naming.fanoutRoute(addressOf()) : naming.castRoute(addressOf(more)),
    );
  }
});

test("neither another book's memo nor a stranger's is believed", () => {
  const first = new RouteBook(naming);
  const second = new RouteBook(new RabbitNaming({ ...RABBIT_TOPOLOGY, maxLength: 5 }));
  const address = addressOf();
  first.of(address);
  expect(second.of(address).call.key).toBe("trunkline.call-max5.E.T");
  expect(first.of(address).call.key).toBe("trunkline.call.E.T");
  expect(first.of(addressOf({ memo: { routes: "none" } })).call.key).toBe("trunkline.call.E.T");
});

test("no server and a server of any name are kept apart", () => {
  const book = new RouteBook(naming);
  const keys = [addressOf(), addressOf({ server: "0" }), addressOf({ server: "undefined" })].map(
    (address) => book.of(address).call.key,
  );
  expect(keys).toEqual(["trunkline.call.E.T", "trunkline.call.E.T.0", "trunkline.call.E.T.undefined"]);
});

test("ten thousand addresses are kept, and the oldest goes first", () => {
  const book = new RouteBook(naming);
  const routesOf = (index: number): unknown => book.of(addressOf({ topic: `t${index}` }));
  const kept = Array.from({ length: 10_000 }, (_, index) => routesOf(index));
  expect(routesOf(0)).toBe(kept[0]);
  routesOf(10_000);
  expect(routesOf(9_999)).toBe(kept[9_999]);
  expect(routesOf(0)).not.toBe(kept[0]);
});
