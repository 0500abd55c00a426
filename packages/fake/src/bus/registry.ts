import { Bus } from "./bus.js";

/**
 * The one piece of state that outlives its users: transports of one name must meet, and nothing but the name is theirs in
 * common. A bus is forgotten with its last transport, once nothing is stored in it and nobody holds its controls.
 *
 * Two copies of this package in one process are two worlds, as two versions of it must be.
 */
const buses: Map<string, Bus> = new Map();

/** The bus of this name, made where there is none. */
export function busOf(name: string): Bus {
  let bus = buses.get(name);
  if (bus === undefined) {
    bus = new Bus(name, () => buses.delete(name));
    buses.set(name, bus);
  }
  return bus;
}
