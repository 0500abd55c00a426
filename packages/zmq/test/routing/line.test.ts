import { MessageTooLargeError, UnreachableError } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tick } from "../../src/link/tick.js";
import { Line } from "../../src/routing/line.js";
import { fakeListener, Note, sentTo } from "../support/fake-listeners.js";
import { LineLog, newLine } from "../support/lines.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const note = (line: Line, name: string, bytes = 1): Note => new Note(line, name, bytes);
const names = (messages: readonly unknown[]): string[] => messages.map((one) => (one instanceof Note ? one.name : "?"));

describe("a line", () => {
  test("sends at once to a member with credit, and lets wait without one", () => {
    const keeper = new LineLog();
    const line = newLine({ keeper });
    line.post(note(line, "a"));
    expect([line.size, keeper.starvedLines]).toEqual([1, [line]]);
    const one = fakeListener({ tokens: 2 });
    line.join(one.listener);
    for (const name of ["b", "c"]) line.post(note(line, name));
    expect([sentTo(one), line.size, one.link.wants > 0]).toEqual([["a", "b"], 1, true]);
    one.listener.tokens = 1;
    line.pump();
    expect([sentTo(one), line.size]).toEqual([["a", "b", "c"], 0]);
  });

  test("keeps the order: nobody passes those who wait, though there is credit", () => {
    const line = newLine();
    const one = fakeListener({ tokens: 0 });
    line.join(one.listener);
    line.post(note(line, "a"));
    one.listener.tokens = 5;
    line.post(note(line, "b"));
    expect([sentTo(one), line.size]).toEqual([[], 2]);
    line.pump();
    expect(sentTo(one)).toEqual(["a", "b"]);
  });

  test("uses no member whose link has no room, or that stops", () => {
    const line = newLine();
    const [one, other] = [fakeListener(), fakeListener()];
    line.join(one.listener);
    line.join(other.listener);
    one.link.canSend = false;
    other.listener.isGoing = true;
    line.post(note(line, "a"));
    expect(line.size).toBe(1);
    one.link.canSend = true;
    line.pump();
    expect([sentTo(one), sentTo(other)]).toEqual([["a"], []]);
  });

  test("while members are gathered, lets all wait", () => {
    const keeper = new LineLog();
    const line = newLine({ keeper });
    line.isGathering = true;
    const one = fakeListener();
    line.join(one.listener);
    line.post(note(line, "a"));
    expect([line.size, keeper.starvedLines.length]).toEqual([1, 1]);
    line.isGathering = false;
    line.pump();
    expect(sentTo(one)).toEqual(["a"]);
  });

  test("asks its keeper when the last member leaves, and tells the others what waits", () => {
    const keeper = new LineLog();
    const line = newLine({ keeper });
    const [one, other] = [fakeListener({ tokens: 0 }), fakeListener({ tokens: 0 })];
    line.join(one.listener);
    line.join(other.listener);
    line.post(note(line, "a"));
    const before = other.link.wants;
    line.leave(one.listener);
    line.leave(one.listener);
    expect([other.link.wants > before, keeper.starvedLines.length]).toEqual([true, 0]);
    line.leave(other.listener);
    expect(keeper.starvedLines).toEqual([line]);
  });

  test("fails a message that its member takes not, and goes on", () => {
    const line = newLine();
    const one = fakeListener({ tokens: 0 });
    line.join(one.listener);
    const [bad, good] = [note(line, "bad"), note(line, "good")];
    line.post(bad);
    line.post(good);
    one.listener.tokens = 5;
    one.link.refusal = new MessageTooLargeError("too large", 1);
    line.sendNext(one.listener);
    one.link.refusal = undefined;
    line.pump();
    expect([bad.errors.length, sentTo(one), line.size]).toEqual([1, ["good"], 0]);
  });

  test("fails at once what cannot be written when it is posted", () => {
    const line = newLine();
    const one = fakeListener();
    line.join(one.listener);
    one.link.refusal = new MessageTooLargeError("too large", 1);
    const bad = note(line, "bad");
    line.post(bad);
    expect(bad.errors).toEqual([one.link.refusal]);
  });

  test("closed, fails what waits", () => {
    const line = newLine();
    const waiting = note(line, "a");
    line.post(waiting);
    line.close();
    expect(waiting.errors).toMatchObject([{ code: "ERR_CLOSED" }]);
    expect([line.size, line.bytes, line.isRetired]).toEqual([0, 0, true]);
  });
});

describe("the bounds of a line", () => {
  test("are twice its messages", () => {
    const line = newLine({ bounds: { messages: 3, bytes: 1e9 } });
    for (let n = 0; n < 6; n++) line.wait(note(line, `${n}`));
    expect(() => line.wait(note(line, "more"))).toThrow(/6 messages wait for topic already/);
    const refused = note(line, "refused");
    line.post(refused);
    expect(refused.errors).toMatchObject([{ code: "ERR_OVERLOADED" }]);
    expect(line.size).toBe(6);
  });

  test("are twice its bytes, but one message waits however large it is", () => {
    const line = newLine({ bounds: { messages: 100, bytes: 50 } });
    line.wait(note(line, "large", 1_000));
    expect(() => line.wait(note(line, "small"))).toThrow(/messages wait for/);
    line.takeAll();
    for (let n = 0; n < 10; n++) line.wait(note(line, `${n}`, 10));
    expect([line.bytes, line.size]).toEqual([100, 10]);
    expect(() => line.wait(note(line, "more"))).toThrow(/messages wait for/);
  });

  test("do not hold for what comes back: it was taken once", () => {
    const line = newLine({ bounds: { messages: 1, bytes: 1 } });
    line.wait(note(line, "a"));
    line.putBack([note(line, "b"), note(line, "c"), note(line, "d")]);
    expect([line.size, line.bytes]).toEqual([4, 4]);
  });
});

describe("messages that come back", () => {
  test("go to where they were, whatever the order of their return", () => {
    const line = newLine();
    const messages = ["a", "b", "c", "d", "e"].map((name) => note(line, name));
    for (const message of messages) line.wait(message);
    const [a, b, c, d, e] = line.takeAll() as [Note, Note, Note, Note, Note];
    line.putBack([e]);
    line.putBack([c]);
    line.putBack([d, a]);
    line.putBack([b]);
    expect(names(line.takeAll())).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("are sent at once where there is credit, before all that wait", () => {
    const line = newLine();
    const first = note(line, "first");
    line.wait(note(line, "later"));
    const one = fakeListener({ tokens: 1 });
    line.members.push(one.listener);
    line.putBack([first]);
    expect([sentTo(one), line.size]).toEqual([["first"], 1]);
  });

  test("leave a line in order, whatever happened", () => {
    const step = fc.oneof(
      fc.constant("wait" as const),
      fc.constant("send" as const),
      fc.constant("back" as const),
      fc.constant("cancel" as const),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.nat(1_000)), { maxLength: 120 }), (steps) => {
        const line = newLine();
        const one = fakeListener();
        one.link.canSend = false;
        line.join(one.listener);
        const waiting: Note[] = [];
        const out: Note[] = [];
        for (const [index, [type, at]] of steps.entries()) {
          if (type === "wait") {
            const message = note(line, `${index}`, (at % 9) + 1);
            line.wait(message);
            waiting.push(message);
          } else if (type === "send") {
            line.sendNext(one.listener);
            const sent = one.link.sent.pop();
            expect(sent).toBe(waiting.shift());
            if (sent instanceof Note) out.push(sent);
          } else if (type === "back") {
            const [message] = out.splice(at % Math.max(1, out.length), 1);
            if (message === undefined) continue;
            line.putBack([message]);
            waiting.push(message);
            waiting.sort((left, right) => left.order - right.order);
          } else {
            const [message] = waiting.splice(at % Math.max(1, waiting.length), 1);
            if (message !== undefined) expect(line.remove(message)).toBe("no-credit");
          }
          expect(line.size).toBe(waiting.length);
          expect(line.bytes).toBe(waiting.reduce((sum, { body }) => sum + (body?.length ?? 0), 0));
        }
        expect(line.takeAll()).toEqual(waiting);
      }),
    );
  });

  test("and thousands that wait are swept as they go", () => {
    const line = newLine({ bounds: { messages: 10_000, bytes: 1e9 } });
    for (let n = 0; n < 5_000; n++) line.wait(note(line, `${n}`));
    const one = fakeListener({ tokens: 4_000 });
    line.join(one.listener);
    expect(sentTo(one)).toEqual(Array.from({ length: 4_000 }, (_, n) => `${n}`));
    line.putBack([one.link.sent[7] as Note]);
    expect(names(line.takeAll()).slice(0, 3)).toEqual(["7", "4000", "4001"]);
  });
});

describe("what is given up", () => {
  test("tells what was in the way", () => {
    const keeper = new LineLog();
    const line = newLine({ keeper });
    const [a, b, c] = ["a", "b", "c"].map((name) => note(line, name)) as [Note, Note, Note];
    for (const message of [a, b, c]) line.wait(message);
    expect(line.remove(b)).toBe("no-listener");
    line.join(fakeListener({ tokens: 0 }).listener);
    expect(line.remove(a)).toBe("no-credit");
    line.isGathering = true;
    expect(line.remove(c)).toBe("no-listener");
    expect([line.size, line.bytes, line.oldest]).toEqual([0, 0, undefined]);
    // One that is not there changes nothing.
    line.remove(c);
    expect(line.size).toBe(0);
  });

  test("is who has waited long enough, and nobody else", async () => {
    const clock = new ManualClock();
    const tick = new Tick(() => clock.now());
    const line = newLine({ tick });
    const messages: Note[] = [];
    for (const name of ["a", "b", "c"]) {
      const message = note(line, name);
      line.wait(message);
      messages.push(message);
      await turn();
      clock.advance(100);
    }
    expect(line.oldest).toBe(0);
    line.remove(messages[0] as Note);
    expect(line.oldest).toBe(100);
    line.failOlder(100, () => new UnreachableError("nobody"));
    expect(messages.map(({ errors }) => errors.length)).toEqual([0, 1, 0]);
    expect(names(line.takeAll())).toEqual(["c"]);
  });

  test("though one before it came back a moment ago", async () => {
    const clock = new ManualClock();
    const line = new Line(
      "topic",
      { tick: new Tick(() => clock.now()), bounds: { messages: 10, bytes: 1e6 }, random: Math.random },
      new LineLog(),
    );
    const [first, second] = [note(line, "first"), note(line, "second")];
    line.wait(first);
    line.wait(second);
    line.remove(first);
    await turn();
    clock.advance(100);
    line.putBack([first]);
    line.failOlder(50, () => new UnreachableError("nobody"));
    expect([first.errors.length, second.errors.length]).toEqual([0, 1]);
    expect(line.oldest).toBe(100);
  });
});
