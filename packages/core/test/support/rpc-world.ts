import { onTestFinished } from "vitest";
import type { Capabilities } from "../../src/capabilities.js";
import { openTransport, type TransportOptions } from "../../src/open-transport.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import type { Transport } from "../../src/transport.js";
import type { HandlerErrorReport } from "../../src/transport-core.js";
import { LoopbackBus, type LoopbackFactory, loopbackFactory } from "./loopback-driver.js";

export interface WorldOptions {
  readonly capabilities?: Partial<Capabilities>;
  readonly transport?: TransportOptions;
}

/** One bus, one clock that stands still, and transports that are closed when the test is over. */
export interface World {
  readonly bus: LoopbackBus;
  readonly clock: ManualClock;
  readonly factory: LoopbackFactory;
  /** The first transport: what most tests need one of. */
  readonly transport: Transport;
  readonly handlerErrors: HandlerErrorReport[];
  readonly warnings: string[];
  readonly dropped: string[];
  open(options?: TransportOptions): Promise<Transport>;
}

/** Opens a {@link World}. What a test leaves running has its drain time turned away at the end. */
export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const bus = new LoopbackBus();
  const clock = new ManualClock();
  const factory = loopbackFactory(bus, options.capabilities ?? {});
  const handlerErrors: HandlerErrorReport[] = [];
  const warnings: string[] = [];
  const dropped: string[] = [];
  const opened: Transport[] = [];
  onTestFinished(async () => {
    const closed = Promise.all(opened.map((transport) => transport.close()));
    await clock.tick(60_000);
    await closed;
  });
  const open = async (more: TransportOptions = {}): Promise<Transport> => {
    const transport = await openTransport("loopback://", { drivers: [factory], clock, ...options.transport, ...more });
    transport.events.on("handlerError", (report) => handlerErrors.push(report));
    transport.events.on("warning", ({ message }) => warnings.push(message));
    transport.events.on("dropped", ({ reason }) => dropped.push(reason));
    opened.push(transport);
    return transport;
  };
  return { bus, clock, factory, transport: await open(), handlerErrors, warnings, dropped, open };
}

/** What a promise came to, once it has: for looking at it without waiting. */
export interface Fate<Result> {
  readonly isSettled: boolean;
  readonly value: Result | undefined;
  readonly error: unknown;
}

/** Follows a promise, which then counts as handled. */
export function fateOf<Result>(promise: Promise<Result>): Fate<Result> {
  const fate: { isSettled: boolean; value: Result | undefined; error: unknown } = {
    isSettled: false,
    value: undefined,
    error: undefined,
  };
  promise.then(
    (value) => Object.assign(fate, { isSettled: true, value }),
    (error: unknown) => Object.assign(fate, { isSettled: true, error }),
  );
  return fate;
}
