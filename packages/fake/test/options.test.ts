import { parseTransportUrl, withOptions } from "@trunkline/core/driver";
import { expect, test } from "vitest";
import { driver } from "../src/index.js";

const NUMBERS = ["maxMessageBytes", "discoveryMs", "detectionMs", "reconnectMs", "queueMessages", "queueMiB"] as const;

test.each(NUMBERS)("fake://?%s= is no number, and not 0", (name) => {
  for (const nothing of ["", "%20"]) {
    const read = () => withOptions(parseTransportUrl(`fake://?${name}=${nothing}`), driver);
    expect(read).toThrow(
      expect.objectContaining({ part: `option:${name}`, message: expect.stringContaining("it must be a number") }),
    );
  }
});

test.each(NUMBERS)("fake://?%s=100 is read as the number", (name) => {
  expect(withOptions(parseTransportUrl(`fake://?${name}=100`), driver).options[name]).toBe(100);
});
