import { ConnectionLostError, openTransport, type Transport } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { driver } from "@trunkline/rabbit";
import { describe, expect, onTestFinished, test } from "vitest";
import { hasPrivateRabbit, privateRabbitForTests } from "../support/rabbit.js";

const EVENTS = 100_000;
const LANES = 200;
const CREDIT = 256;
/** After so many confirmed. */
const RESTARTS = [25_000, 50_000, 75_000];
const TOPIC = "ledger";

describe.skipIf(!hasPrivateRabbit)("durable events", () => {
  const own = privateRabbitForTests();

  test("100 000 confirmed notifications with three restarts of the broker: none is lost, and none comes again that was settled (C7, E6)", async () => {
    await own.broker.addVhost("ledger");
    const url = own.broker.url({ vhost: "ledger" });
    const open = async (): Promise<Transport> => {
      const transport = await openTransport(url, { drivers: [driver], sendTimeoutMs: 120_000 });
      onTestFinished(() => transport.close());
      return transport;
    };
    const [sender, host] = [await open(), await open()];
    const seen = new Uint8Array(2 * EVENTS);
    let handled = 0;
    let repeated = 0;
    await host.listen(
      [{ topic: TOPIC }],
      {
        info({ payload }) {
          const { n } = payload as { readonly n: number };
          const times = (seen[n] ?? 0) + 1;
          seen[n] = times;
          handled++;
          if (times > 1) repeated++;
        },
      },
      { credit: CREDIT },
    );
    // What was declared just now would not be there after a SIGKILL.
    await own.broker.flush();

    const notifier = sender.notifier({ publisherId: "teller", topics: [TOPIC] });
    const confirmed = new Uint8Array(seen.length);
    let sent = 0;
    let settled = 0;
    let unknown = 0;
    let count = 0;
    const lane = async (): Promise<void> => {
      while (count < EVENTS) {
        const n = sent++;
        try {
          await notifier.info("booked", { n });
          confirmed[n] = 1;
          count++;
        } catch (error) {
          if (!(error instanceof ConnectionLostError)) throw error;
          unknown++;
        }
        settled++;
      }
    };
    let mayRepeat = 0;
    const restarts = async (): Promise<void> => {
      for (const goal of RESTARTS) {
        await until(() => count >= goal, { withinMs: 300_000, what: `${goal} confirmed` });
        const inHand = Math.max(0, count - handled) + CREDIT;
        const unconfirmed = sent - settled;
        await own.broker.kill();
        mayRepeat += unconfirmed + Math.min(inHand, 2 * CREDIT);
        await own.broker.restart();
        console.log(`restart at ${goal}: ${unconfirmed} unconfirmed`);
      }
    };
    const from = performance.now();
    await Promise.all([restarts(), ...Array.from({ length: LANES }, lane)]);
    const isThere = (): boolean => confirmed.every((is, n) => is === 0 || (seen[n] ?? 0) > 0);
    await until(isThere, { withinMs: 60_000, what: "all that was confirmed to be handled" });
    await until(async () => (await own.broker.queues("ledger")).every(({ messages }) => messages === 0), {
      withinMs: 60_000,
      what: "the queues to be empty",
    });
    const seconds = ((performance.now() - from) / 1_000).toFixed(1);
    console.log(
      `${count} confirmed, ${unknown} of unknown outcome, ${handled} handled, ${repeated} again (at most ${mayRepeat}), ${seconds} s`,
    );
    expect(count).toBeGreaterThanOrEqual(EVENTS);
    expect(repeated).toBeLessThanOrEqual(mayRepeat);
  }, 600_000);
});
