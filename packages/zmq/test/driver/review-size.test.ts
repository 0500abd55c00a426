import { expect, test } from "vitest";
import { BodyEncoder } from "../../src/routing/body-encoder.js";
import { request } from "../support/lines.js";

test("a message that waits is refused for its size only where it is larger than the bound (D4)", () => {
  for (let length = 1_000; length < 9_000; length += 11) {
    const params = { text: "ä".repeat(length / 2) };
    const { bytes } = new BodyEncoder(1e6).encode(request(params));
    expect(new BodyEncoder(bytes.length).encode(request(params)).bytes.length).toBe(bytes.length);
    expect(() => new BodyEncoder(bytes.length - 1).encode(request(params))).toThrow("larger");
  }
});
