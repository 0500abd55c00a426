import fc from "fast-check";
import { expect, test } from "vitest";
import { ConnectError } from "../../src/errors.js";
import {
  type Connection,
  type ConnectionEvent,
  FIRST_CONNECTION,
  nextConnection,
} from "../../src/kit/connection-state.js";

const event = fc.constantFrom<ConnectionEvent>(
  { type: "opened" },
  { type: "lost" },
  { type: "retry" },
  { type: "drain" },
  { type: "end" },
);
const run = (events: readonly ConnectionEvent[], from: Connection = FIRST_CONNECTION): Connection =>
  events.reduce(nextConnection, from);
const opened: ConnectionEvent = { type: "opened" };
const lost: ConnectionEvent = { type: "lost" };
const retry: ConnectionEvent = { type: "retry" };
const drain: ConnectionEvent = { type: "drain" };

test("no event order leaves the closed state, and the first reason stays", () => {
  const reason = new ConnectError("gone");
  fc.assert(
    fc.property(fc.array(event), fc.array(event), (before, after) => {
      const alive = run(before);
      const closed = nextConnection(alive, { type: "end", reason });
      if (alive.name !== "closed") expect(closed).toStrictEqual({ name: "closed", reason });
      expect(run(after, closed)).toBe(closed);
    }),
  );
});

test("only a connecting one opens, only an open one drains, and attempts count the losses since", () => {
  fc.assert(
    fc.property(fc.array(event), (events) => {
      let state = FIRST_CONNECTION;
      let losses = 0;
      for (const event of events) {
        const next = nextConnection(state, event);
        if (next !== state) {
          if (next.name === "open") expect(state.name).toBe("connecting");
          if (next.name === "draining") expect(state.name).toBe("open");
          if (state.name === "draining") expect(next.name).toBe("closed");
          if (next.name === "open") losses = 0;
          if (event.type === "lost") losses++;
        }
        state = next;
        if (state.name === "waiting" || (state.name === "connecting" && losses > 0)) {
          expect(state.attempt).toBeGreaterThanOrEqual(losses);
          expect(state.attempt).toBeLessThanOrEqual(losses + 1);
        }
      }
    }),
  );
});

test("a life", () => {
  expect(run([lost])).toStrictEqual({ name: "waiting", attempt: 2 });
  expect(run([lost, retry])).toStrictEqual({ name: "connecting", attempt: 2 });
  expect(run([opened, lost])).toStrictEqual({ name: "waiting", attempt: 1 });
  expect(run([opened, drain])).toStrictEqual({ name: "draining" });
  expect(run([opened, drain, lost])).toStrictEqual({ name: "closed", reason: undefined });
  expect(run([drain])).toStrictEqual({ name: "closed", reason: undefined });
  expect(run([lost, drain])).toStrictEqual({ name: "closed", reason: undefined });
});

test("an event that changes nothing gives the same object", () => {
  const waiting = run([lost]);
  expect(nextConnection(waiting, opened)).toBe(waiting);
  const open = run([opened]);
  expect(run([retry, opened], open)).toBe(open);
});
