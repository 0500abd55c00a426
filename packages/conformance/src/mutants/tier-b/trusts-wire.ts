import type { DriverFactory, Value } from "@trunkline/core/driver";
import { copied, readingAs } from "./arriving.js";

/** M44: fills objects with whatever keys arrive, so that one called `__proto__` becomes the object's prototype. */
export function trustsWire(factory: DriverFactory): DriverFactory {
  return readingAs(factory, (value) =>
    copied(
      value,
      (leaf) => leaf,
      (members) => {
        const object: Record<string, Value> = {};
        for (const [key, member] of members) object[key] = member;
        return object;
      },
    ),
  );
}
