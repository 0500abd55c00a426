import type { Address, Priority } from "@trunkline/core/driver";
import type { QueueDeclaration, Route, Source } from "./declarations.js";
import type { OptionOf } from "./declare.js";

/**
 * What things are called at the broker: the one thing, beside who acknowledges when, in which `rabbit://` and `rabbit+oslo://`
 * differ.
 *
 * Every method throws NotSupportedError for a name that the naming cannot keep apart from another.
 */
export interface Naming {
  /** A request that wants an answer. */
  callRoute(to: Address): Route;
  castRoute(to: Address): Route;
  fanoutRoute(to: Address): Route;
  eventRoute(to: Address, priority: Priority): Route;
  /** A queue by its own name: replies, and what is given back to where it came from. */
  queueRoute(queue: string, isPersistent: boolean): Route;
  /** Where answers to this transport's calls come. `instance` is the transport's own, unique in the world. */
  inbox(instance: string): QueueDeclaration;
  /** What a server takes from, in the order in which it is declared. `instance` is the server's own. */
  rpcSources(address: Address, instance: string): readonly Source[];
  eventSources(address: Address, priorities: readonly Priority[], pool: string | undefined): readonly Source[];
  /** Which option decides an argument of a declaration. */
  readonly optionOf: OptionOf;
}
