import { openTransport, type TransportOptions } from "../../src/open-transport.js";
import type { Transport } from "../../src/transport.js";
import { type LoopbackBus, loopbackFactory } from "./loopback-driver.js";

/** A transport on a test's own bus. */
export function openLoopback(bus: LoopbackBus, options: TransportOptions = {}): Promise<Transport> {
  return openTransport("loopback://", { drivers: [loopbackFactory(bus)], ...options });
}
