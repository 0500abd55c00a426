import { AuthError } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { Tick } from "../../src/link/tick.js";
import { Finder, recordsOf } from "../../src/routing/finder.js";
import type { Line } from "../../src/routing/line.js";
import { type FakeListener, fakeListener, Note, sentTo } from "../support/fake-listeners.js";
import { FakePeer } from "../support/fake-topic-host.js";
import { LineLog, newLine } from "../support/lines.js";

class World {
  readonly clock: ManualClock = new ManualClock();
  readonly tick: Tick = new Tick(() => this.clock.now());
  readonly line: Line = newLine({ tick: this.tick, keeper: new LineLog() });
  found: FakePeer[] = [];
  looks: number[] = [];
  error: Error | undefined;
  mayServe = true;
  ends = 0;
  finder: Finder | undefined;

  start(gathers = false): Finder {
    const host = {
      discoveryMs: 1_000,
      now: () => this.clock.now(),
      setTimer: (run: () => void, delayMs: number) => this.clock.setTimer(run, delayMs),
      find: async () => {
        this.looks.push(this.clock.now());
        if (this.error !== undefined) throw this.error;
        return this.found as never[];
      },
      mayServe: () => this.mayServe,
    };
    this.finder = new Finder(this.line, host, gathers, () => this.ends++);
    return this.finder;
  }

  note(name = "n"): Note {
    const note = new Note(this.line, name);
    this.line.wait(note);
    return note;
  }

  /** The peer comes, with one listener that the line may send to. */
  join(peer: FakePeer): FakeListener {
    const fake = fakeListener();
    this.line.join(fake.listener);
    peer.ready(fake.listener);
    return fake;
  }
}

describe("a finder", () => {
  test("looks again and again, less and less often, until a message has waited long enough", async () => {
    const world = new World();
    const note = world.note();
    world.start();
    await world.clock.tick(999);
    expect(note.errors).toEqual([]);
    expect(world.looks.slice(0, 5)).toEqual([0, 20, 60, 140, 300]);
    expect(world.looks.every((at, index) => index === 0 || at - (world.looks[index - 1] ?? 0) <= 250)).toBe(true);
    await world.clock.tick(1);
    expect(note.errors).toMatchObject([{ code: "ERR_UNREACHABLE" }]);
    expect(String(note.errors[0])).toMatch(/nobody listens for topic, and nobody came within 1000 ms/);
    await world.clock.tick(1_000);
    expect([world.ends, world.clock.timers]).toEqual([1, 0]);
  });

  test("tells a denial while that peer stands by it, and no longer", async () => {
    const world = new World();
    const peer = new FakePeer("a");
    world.found = [peer];
    const first = world.note();
    world.start();
    await world.clock.tick();
    peer.denial = new AuthError("it does not take the key of this side");
    peer.absent("denied");
    await world.clock.tick(500);
    const second = world.note();
    await world.clock.tick(500);
    expect(first.errors).toMatchObject([{ code: "ERR_AUTH" }]);
    // It lets this process in again, or is gone: who finds nobody now is to try again.
    peer.denial = undefined;
    await world.clock.tick(500);
    expect(second.errors).toMatchObject([{ code: "ERR_UNREACHABLE" }]);
  });

  test("gives a message its own time, counted from when it came", async () => {
    const world = new World();
    const first = world.note();
    world.start();
    await world.clock.tick(600);
    const second = world.note();
    await world.clock.tick(400);
    expect([first.errors.length, second.errors.length]).toEqual([1, 0]);
    await world.clock.tick(599);
    expect(second.errors.length).toBe(0);
    await world.clock.tick(1);
    expect(second.errors.length).toBe(1);
  });

  test("counts from when there was nobody, for those who had waited long for a server that then went", async () => {
    const world = new World();
    const note = world.note();
    await world.clock.tick(5_000);
    world.start();
    await world.clock.tick(999);
    expect(note.errors).toEqual([]);
    await world.clock.tick(1);
    expect(note.errors).toMatchObject([{ code: "ERR_UNREACHABLE" }]);
  });

  test("waits for a process that may serve, however long that takes", async () => {
    const world = new World();
    const peer = new FakePeer("a");
    world.found = [peer];
    const note = world.note();
    const finder = world.start();
    await world.clock.tick(20_000);
    expect([note.errors, finder.obstacle]).toEqual([[], "no-connection"]);
    const fake = world.join(peer);
    await world.clock.tick();
    expect([sentTo(fake), world.ends]).toEqual([["n"], 0]);
    await world.clock.tick(250);
    expect([world.ends, world.clock.timers]).toEqual([1, 0]);
  });

  test("has no hope in one that is absent, and says why it was", async () => {
    const world = new World();
    const peer = new FakePeer("a");
    world.found = [peer];
    const note = world.note();
    const finder = world.start();
    await world.clock.tick(10);
    peer.absent("a: connection refused");
    expect(finder.obstacle).toBe("no-listener");
    await world.clock.tick(990);
    expect(String(note.errors[0])).toContain("(a: connection refused)");
  });

  test("has no hope in one that is known not to serve it", async () => {
    const world = new World();
    world.found = [new FakePeer("a")];
    world.mayServe = false;
    const note = world.note();
    const finder = world.start();
    await world.clock.tick();
    expect(finder.obstacle).toBe("no-listener");
    await world.clock.tick(1_000);
    expect(note.errors).toHaveLength(1);
  });

  test("has none in one that is there and has no such listener", async () => {
    const world = new World();
    const peer = new FakePeer("a");
    peer.ready();
    world.found = [peer];
    const note = world.note();
    world.start();
    await world.clock.tick(1_000);
    expect(note.errors).toHaveLength(1);
  });

  test("goes on while the name service is down, and names that as the cause", async () => {
    const world = new World();
    world.error = new Error("the directory is gone");
    const note = world.note();
    world.start();
    await world.clock.tick(1_000);
    expect(note.errors[0]?.cause).toBe(world.error);
    const later = world.note();
    world.error = undefined;
    await world.clock.tick(2_000);
    expect(later.errors[0]?.cause).toBeUndefined();
  });

  test("hopes for processes that it found before the name service went down", async () => {
    const world = new World();
    const peer = new FakePeer("a");
    world.found = [peer];
    const note = world.note();
    world.start();
    await world.clock.tick(10);
    world.error = new Error("the directory is gone");
    await world.clock.tick(5_000);
    expect(note.errors).toEqual([]);
    expect(sentTo(world.join(peer))).toEqual(["n"]);
  });

  test("ends when nothing waits any more, and leaves no timer and no waiter", async () => {
    const world = new World();
    const peer = new FakePeer("a");
    world.found = [peer];
    const note = world.note();
    const finder = world.start();
    await world.clock.tick(10);
    expect(peer.waiting).toBe(1);
    world.line.remove(note);
    finder.check();
    finder.end();
    expect([world.ends, peer.waiting, world.clock.timers]).toEqual([1, 0, 0]);
    await world.clock.tick(1_000);
    expect(world.looks).toHaveLength(1);
  });

  test("that is ended while it looks does nothing more", async () => {
    const world = new World();
    world.note();
    const finder = world.start();
    finder.end();
    await world.clock.tick(1_000);
    expect([world.ends, world.looks.length, world.clock.timers]).toEqual([1, 1, 0]);
  });
});

describe("a finder that gathers", () => {
  test("lets messages wait until all that were found are heard, so that none of them gets all", async () => {
    const world = new World();
    const peers = [new FakePeer("a"), new FakePeer("b"), new FakePeer("c")];
    world.found = peers;
    const finder = world.start(true);
    for (let n = 0; n < 96; n++) world.note(`${n}`);
    await world.clock.tick(50);
    const first = world.join(peers[0] as FakePeer);
    finder.check();
    await world.clock.tick(50);
    expect([sentTo(first), world.line.isGathering]).toEqual([[], true]);
    peers[1]?.absent("b: gone");
    const third = world.join(peers[2] as FakePeer);
    await world.clock.tick();
    expect(world.line.isGathering).toBe(false);
    expect(sentTo(first).length + sentTo(third).length).toBe(96);
    expect(Math.min(sentTo(first).length, sentTo(third).length)).toBeGreaterThan(0);
    await world.clock.tick(250);
    expect([world.ends, world.clock.timers]).toEqual([1, 0]);
  });

  test("does not wait for the slow for more than 200 ms", async () => {
    const world = new World();
    const peers = [new FakePeer("a"), new FakePeer("slow")];
    world.found = peers;
    world.start(true);
    world.note();
    await world.clock.tick(10);
    const first = world.join(peers[0] as FakePeer);
    await world.clock.tick(189);
    expect(sentTo(first)).toEqual([]);
    await world.clock.tick(1);
    expect(sentTo(first)).toEqual(["n"]);
  });

  test("where nobody is found goes on as any other", async () => {
    const world = new World();
    const finder = world.start(true);
    const note = world.note();
    await world.clock.tick();
    expect([world.line.isGathering, finder.obstacle]).toEqual([false, "no-listener"]);
    await world.clock.tick(1_250);
    expect(note.errors).toHaveLength(1);
  });

  test("where all were there before ends at once", async () => {
    const world = new World();
    const peer = new FakePeer("a");
    const fake = world.join(peer);
    world.found = [peer];
    world.start(true);
    world.note();
    await world.clock.tick();
    expect([sentTo(fake), world.ends, world.clock.timers]).toEqual([["n"], 1, 0]);
  });
});

test("records are for any server, or for those of one name", () => {
  const records = ["a", "b"].map((server) => ({ kind: "rpc", server }) as never);
  expect(recordsOf(records, undefined)).toEqual(records);
  expect(recordsOf(records, "b")).toEqual([records[1]]);
  expect(recordsOf(records, "")).toEqual([]);
});
