/** Opens transports to one server, each of which calls once, and closes them; or holds them. Told which engine by its URL. */
import { openTransport } from "@trunkline/core";
import { answer, config } from "./answers.mjs";
import { drivers } from "./drivers.mjs";
import { footprint } from "./footprint.mjs";

const { url } = config;
let held = [];
let made = 0;

async function reached() {
  const transport = await openTransport(url, { drivers, callTimeoutMs: 60_000 });
  const id = `c${made++}`;
  const result = await transport.client({ topic: "work" }).call("call", { id, holdMs: 0 });
  if (result !== id) throw new Error(`asked ${id}, told ${result}`);
  return transport;
}

answer({
  /** So many transports, `atOnce` at a time, each of which makes its link, calls once and goes. */
  async comeAndGo({ count, atOnce }) {
    let left = count;
    const line = async () => {
      while (left-- > 0) await (await reached()).close();
    };
    await Promise.all(Array.from({ length: atOnce }, line));
  },
  async hold({ count }) {
    held = await Promise.all(Array.from({ length: count }, reached));
  },
  async letGo() {
    const going = held;
    held = [];
    await Promise.all(going.map((transport) => transport.close()));
  },
  async footprint() {
    const { bytes, openFiles } = await footprint();
    return { bytes, openFiles, rss: process.memoryUsage().rss, gauges: [] };
  },
  close: () => Promise.all(held.map((transport) => transport.close())),
});
