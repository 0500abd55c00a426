import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type LineItem, WaitingLine } from "../src/bus/waiting-line.js";
import { decodeMessage, decodeOutcome, Encoder } from "../src/link/codec.js";
import { isSession, type LinkEvent, type LinkState, nextLinkState } from "../src/link/link.js";
import { event, request } from "./support/seam.js";

describe("the state of a link", () => {
  const anyEvent = fc.constantFrom<LinkEvent>("cut", "heal", "break", "restore", "freeze", "thaw", "detect", "end");
  const after = (events: readonly LinkEvent[], from: LinkState = "up"): LinkState => events.reduce(nextLinkState, from);

  test("no events leave the ended state", () => {
    fc.assert(
      fc.property(
        fc.array(anyEvent),
        fc.array(anyEvent),
        (before, later) => after([...before, "end", ...later]) === "ended",
      ),
    );
  });

  test("a cut link stays down until it is healed", () => {
    const others = anyEvent.filter((event) => event !== "heal" && event !== "end");
    fc.assert(
      fc.property(fc.array(anyEvent), fc.array(others), (before, later) => {
        const state = after([...before, "cut", ...later]);
        return state === "cut" || state === "ended";
      }),
    );
  });

  test("healed and thawed, every link that has not ended is up", () => {
    fc.assert(
      fc.property(
        fc.array(anyEvent.filter((event) => event !== "end")),
        (before) => after([...before, "heal", "thaw"]) === "up",
      ),
    );
  });

  test("only up and frozen are sessions", () => {
    expect((["up", "frozen", "silent", "broken", "cut", "ended"] as const).filter(isSession)).toEqual(["up", "frozen"]);
  });
});

describe("a waiting line", () => {
  interface Item extends LineItem {
    admitted: boolean;
  }
  const limits = { messages: 4, bytes: 100 };

  test("keeps order, bound and sums, whatever comes, goes and comes back", () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("add" as const), bytes: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ do: fc.constantFrom("delete" as const, "return" as const), at: fc.nat(20) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const line = new WaitingLine<Item>();
        const model: Item[] = [];
        const out: Item[] = [];
        let seq = 0;
        const admit = (item: Item): void => {
          item.admitted = true;
        };
        for (const each of steps) {
          if (each.do === "add") {
            seq += 1;
            const item = { seq, bytes: each.bytes, limits, admitted: false };
            line.add(item);
            model.push(item);
          } else if (each.do === "delete") {
            const [item] = model.splice(each.at % Math.max(1, model.length), 1);
            if (item !== undefined) {
              expect(line.delete(item)).toBe(true);
              expect(line.delete(item)).toBe(false);
              out.push(item);
            }
          } else {
            const [item] = out.splice(each.at % Math.max(1, out.length), 1);
            if (item !== undefined) {
              item.admitted = true;
              line.putBack(item);
              model.push(item);
              model.sort((a, b) => a.seq - b.seq);
            }
          }
          line.admit(admit);
          expect([...line]).toEqual(model);
          expect(line.size).toBe(model.length);
          expect(line.bytes).toBe(model.reduce((sum, { bytes }) => sum + bytes, 0));
          const admitted = model.filter((item) => item.admitted);
          const held = model.filter((item) => !item.admitted);
          if (model.length > 0) expect(admitted.length).toBeGreaterThan(0);
          const next = held[0];
          if (next !== undefined) {
            const bytes = admitted.reduce((sum, item) => sum + item.bytes, 0);
            expect(admitted.length >= limits.messages || bytes + next.bytes > limits.bytes).toBe(true);
          }
        }
      }),
    );
  });

  test("items may be taken out while it is walked", () => {
    const line = new WaitingLine<LineItem>();
    const items = [1, 2, 3, 4, 5, 6].map((seq) => ({ seq, bytes: 1, limits }));
    for (const item of items) line.add(item);
    for (const item of items.slice(0, 3)) {
      line.delete(item);
      line.putBack(item);
    }
    const seen: number[] = [];
    for (const item of line) {
      seen.push(item.seq);
      line.delete(item);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    expect(line.size).toBe(0);
  });
});

describe("bytes", () => {
  const encoder = new Encoder(16 * 1024 * 1024, "test");
  const value = fc.jsonValue({ maxDepth: 4 });
  const object = fc.dictionary(fc.string({ unit: "grapheme" }), value);
  /** -0 may arrive as 0. */
  const plain = (given: unknown): unknown => JSON.parse(JSON.stringify(given));

  test("a request comes back as it was", () => {
    const name = fc.string({ unit: "grapheme", minLength: 1 });
    fc.assert(
      fc.property(object, object, name, fc.option(name, { nil: undefined }), (params, context, method, namespace) => {
        const sent = request(0, {
          params: params as never,
          context: context as never,
          method,
          namespace,
          version: "1.2",
        });
        const got = decodeMessage(encoder.message(sent));
        expect(plain(got)).toEqual(plain(sent));
      }),
    );
  });

  test("an event and an outcome, too", () => {
    fc.assert(
      fc.property(value, (payload) => {
        const sent = event(0, { payload: payload as never, priority: "critical" });
        expect(plain(decodeMessage(encoder.message(sent)))).toEqual(plain(sent));
        const outcome = { ok: true as const, value: payload as never };
        expect(plain(decodeOutcome(encoder.outcome(outcome)))).toEqual(plain(outcome));
      }),
    );
  });

  test("params nest to 1 000 and no deeper", () => {
    const nested = (depth: number): unknown => (depth === 1 ? {} : { a: nested(depth - 1) });
    const deepest = request(0, { params: nested(1_000) as never });
    expect(decodeMessage(encoder.message(deepest))).toMatchObject({ method: "do" });
    expect(() => encoder.message(request(0, { params: nested(1_001) as never }))).toThrow(
      expect.objectContaining({ code: "ERR_SERIALIZATION" }),
    );
  });

  test("the limit is exact", () => {
    const size = encoder.message(request("x".repeat(500), { id: "id" })).length;
    const fitting = request("x".repeat(500), { id: "id" });
    expect(new Encoder(size, "test").message(fitting)).toHaveLength(size);
    expect(() => new Encoder(size - 1, "test").message(fitting)).toThrow(
      expect.objectContaining({ code: "ERR_MESSAGE_TOO_LARGE", maxMessageBytes: size - 1 }),
    );
  });
});
