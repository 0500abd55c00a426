import { expect, test } from "vitest";
import { Tick } from "../../src/link/tick.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("time stands still within a turn, and the clock is read once for it", async () => {
  let reads = 0;
  let time = 100;
  const tick = new Tick(() => {
    reads++;
    return time;
  });
  expect(tick.now()).toBe(100);
  time = 200;
  await Promise.resolve();
  expect([tick.now(), reads]).toEqual([100, 1]);
  await turn();
  expect([tick.now(), reads]).toEqual([200, 2]);
});

test("what is due is flushed once, in order, behind the promise jobs of the turn", async () => {
  const tick = new Tick(() => 0);
  const heard: string[] = [];
  tick.schedule({ flush: () => heard.push("a") });
  tick.schedule({ flush: () => heard.push("b") });
  await Promise.resolve().then(() => heard.push("job"));
  await Promise.resolve().then(() => heard.push("later job"));
  await turn();
  expect(heard).toEqual(["job", "later job", "a", "b"]);
  await turn();
  expect(heard).toHaveLength(4);
});

test("what becomes due in a flush is flushed in the next turn of the queue", async () => {
  const tick = new Tick(() => 0);
  const heard: string[] = [];
  tick.schedule({
    flush() {
      heard.push("first");
      tick.schedule({ flush: () => heard.push("second") });
    },
  });
  await turn();
  expect(heard).toEqual(["first", "second"]);
});

test("an epoch ends with each turn that did something, and with no other", async () => {
  const tick = new Tick(() => 0);
  await turn();
  expect(tick.epoch).toBe(0);
  tick.now();
  expect(tick.epoch).toBe(0);
  await turn();
  expect(tick.epoch).toBe(1);
  tick.schedule({ flush() {} });
  tick.now();
  await turn();
  await turn();
  expect(tick.epoch).toBe(2);
});
