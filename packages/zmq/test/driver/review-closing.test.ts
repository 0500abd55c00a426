import { expect, test } from "vitest";
import { localUrl, opened, runtimeDirectory } from "../support/transports.js";

test("what begins to listen while its transport closes is told that it is closed", async () => {
  const url = localUrl(await runtimeDirectory());
  for (let turns = 0; turns < 12; turns++) {
    const transport = await opened(url);
    const serving = transport.serve({ topic: "t", server: "a" }, [{ who: () => "a" }]).then(
      () => "served",
      (error: { readonly code: string }) => error.code,
    );
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    await transport.close();
    expect(["served", "ERR_CLOSED"]).toContain(await serving);
  }
  const after = await opened(url);
  await expect(after.client({ topic: "t" }).call("who", {}, { timeoutMs: 2_000 })).rejects.toMatchObject({
    code: "ERR_UNREACHABLE",
  });
});
