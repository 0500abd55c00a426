import { expect, test } from "vitest";
import { heldArrayBuffers } from "../support/array-buffers.js";
import { localUrl, opened, runtimeDirectory } from "../support/transports.js";

const ROUNDS = 400;
const KEPT_BYTES = 64;
const FILLER_BYTES = 60_000;

test.each(["libzmq", "zmtp"])(
  "an application that keeps a few bytes of what it was sent does not keep what came with them (%s)",
  async (engine) => {
    const directory = await runtimeDirectory();
    const url = localUrl(directory, `engine=${engine}`);
    const kept: Uint8Array[] = [];
    let heard = 0;
    const server = await opened(url);
    await server.serve({ topic: "t", server: "s" }, [
      {
        keep({ some }: { some: Uint8Array }) {
          kept.push(some);
        },
        pass(_: { many: Uint8Array }) {
          heard += 1;
        },
      },
    ]);
    const client = (await opened(url)).client({ topic: "t" });
    const filler = new Uint8Array(FILLER_BYTES);
    const round = (): Promise<unknown> =>
      Promise.all([
        client.call("pass", { many: filler }),
        client.call("keep", { some: new Uint8Array(KEPT_BYTES).fill(7) }),
        client.call("pass", { many: filler }),
      ]);
    for (let warm = 0; warm < 20; warm++) await round();
    const before = await heldArrayBuffers();
    for (let made = 0; made < ROUNDS; made++) await round();
    const grown = (await heldArrayBuffers()) - before;
    expect(kept).toHaveLength(ROUNDS + 20);
    expect(heard).toBe(2 * (ROUNDS + 20));
    expect(kept.every((bytes) => bytes.length === KEPT_BYTES && bytes.every((byte) => byte === 7))).toBe(true);
    // With the chunks around them it would be 26 MB and more.
    expect(grown).toBeLessThan(ROUNDS * KEPT_BYTES + 2 * 1024 * 1024);
  },
);
