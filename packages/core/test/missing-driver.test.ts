import { expect, test } from "vitest";
import { describeMissingDriver } from "../src/missing-driver.js";

test.each(["zmq", "rabbit", "fake"])("%s is published: what to install, and no guess", (scheme) => {
  expect(describeMissingDriver(scheme, [])).toBe(
    `there is no driver for "${scheme}://": it is not installed; npm install @trunkline/${scheme}`,
  );
});

test("who registers drivers may have meant one of them, or register one more", () => {
  expect(describeMissingDriver("carier", ["carrier"])).toContain('did you mean "carrier://"?');
  expect(describeMissingDriver("zmq", ["mine"])).toMatch(/npm install @trunkline\/zmq, or pass the driver in options/);
  expect(describeMissingDriver("http", [])).not.toContain("options");
});
