import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors.js";
import { isCompatible, parseVersion, readVersion } from "../../src/rpc/version.js";

const version = (text: string) => parseVersion("version", text);

describe("the version rule (B3)", () => {
  test.each([
    ["1.0", "1.0", true],
    ["1.0", "1.3", true],
    ["1.3", "1.0", false],
    ["1.2.1", "1.2.1", true],
    ["1.2.2", "1.2.1", false],
    ["1.1.9", "1.2", true],
    ["2.0", "1.9", false],
    ["1.0", "2.0", false],
  ])("a request at %s to a server at %s: %s", (requested, implemented, fits) => {
    expect(isCompatible(version(requested), version(implemented))).toBe(fits);
  });

  test.each(["", "1", "1.", ".1", "1.2.3.4", "a.b", "1.-1", " 1.0", "1.0\n", "01e1.0"])("%j is no version", (text) => {
    expect(readVersion(text)).toBeUndefined();
    expect(() => version(text)).toThrow(InvalidArgumentError);
  });

  test("what is compatible one way only is not the same version", () => {
    const part = fc.nat(5);
    const any = fc.record({ major: part, minor: part, revision: part });
    fc.assert(
      fc.property(any, any, (a, b) => {
        if (isCompatible(a, b) && isCompatible(b, a)) expect(a).toEqual(b);
        expect(isCompatible(a, a)).toBe(true);
      }),
    );
  });
});
