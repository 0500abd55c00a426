import { type CaseContext, pause } from "../context.js";
import type { Relay } from "../relay.js";

/** How long a fault may last. */
const LONGEST_MS = 800;

/** What befell links and the broker, by kind. */
export type FaultCounts = Record<string, number>;

/** Random faults of the links that lead through `relays`, and of the broker where `hasBroker`. All is whole again when it resolves. */
export async function disturb(
  t: CaseContext,
  relays: readonly Relay[],
  ms: number,
  hasBroker: boolean,
  counts: FaultCounts,
): Promise<void> {
  const endAt = performance.now() + ms;
  const between = (least: number, most: number): number => least + Math.floor(t.random() * (most - least + 1));
  const deeds: readonly (readonly [string, (relay: Relay) => Promise<void>])[] = [
    ["cut", async (relay) => relay.cut()],
    ["cut within a frame", async (relay) => relay.cutAfter(between(1, 2_000))],
    [
      "delay",
      async (relay) => {
        relay.set({ delayMs: between(1, 100), jitterMs: between(0, 50) });
        await pause(between(50, LONGEST_MS));
        relay.set();
      },
    ],
    [
      "refusal",
      async (relay) => {
        await relay.refuse();
        await pause(between(10, LONGEST_MS));
        await relay.admit();
      },
    ],
  ];
  while (performance.now() < endAt) {
    await pause(between(50, 600));
    const [name, deed] = deeds[between(0, deeds.length - 1)] ?? ["cut", async (relay: Relay) => relay.cut()];
    const relay = relays[between(0, relays.length - 1)];
    if (relay !== undefined) {
      counts[name] = (counts[name] ?? 0) + 1;
      await deed(relay);
    }
    if (hasBroker && t.random() < 0.05) await disturbBroker(t, between, counts);
  }
}

async function disturbBroker(
  t: CaseContext,
  between: (least: number, most: number) => number,
  counts: FaultCounts,
): Promise<void> {
  const name = t.random() < 0.5 ? "broker killed" : "broker frozen";
  counts[name] = (counts[name] ?? 0) + 1;
  if (name === "broker killed") {
    await t.broker.kill();
    await t.broker.start();
  } else {
    await t.broker.freeze();
    await pause(between(100, 2_000));
    await t.broker.thaw();
  }
}
