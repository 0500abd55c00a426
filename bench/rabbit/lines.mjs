/** The child's half of `Peer`: one JSON line in, one out, over file descriptor 3. When that closes, the process ends. */
import { Socket } from "node:net";
import { createInterface } from "node:readline";

/** How long what is open may take to close, once the bench has hung up. */
const END_WITHIN_MS = 10_000;

const textOf = (error) => String(error?.message ?? error);

/**
 * `start` resolves with what the first line says, `answer(question)` with what the answer to one does; an error of either is
 * told as `{ error }`. `end` frees all, whether `start` was through or not.
 */
export async function serveLines({ start, answer, end }) {
  const channel = new Socket({ fd: 3, readable: true, writable: true });
  const say = (message) => channel.write(`${JSON.stringify(message)}\n`);
  const told = async (work) => {
    try {
      say(await work());
    } catch (error) {
      say({ error: textOf(error) });
    }
  };
  channel.on("error", () => {}); // the bench is gone: `close` follows
  channel.once("close", async () => {
    setTimeout(() => process.exit(1), END_WITHIN_MS).unref();
    await Promise.resolve(end()).catch(() => {});
    process.exit(0);
  });
  createInterface({ input: channel }).on("line", (line) => void told(() => answer(JSON.parse(line))));
  await told(start);
}
