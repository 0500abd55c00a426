/**
 * The process that holds one side of one system: `node worker.mjs server|client NAME [ADDRESS]`, driven over IPC.
 *
 * The parent asks { do: "measure" | "cpu" | "end" }; each answer carries the CPU time that this process has used so far.
 */
import { measure } from "./measure.mjs";

const [side, name, address] = process.argv.slice(2);
const system = await import(`../systems/${name}.mjs`);
const peer = side === "server" ? await system.serve() : await system.connect(JSON.parse(address));

const cpuUs = () => {
  const { user, system: kernel } = process.cpuUsage();
  return user + kernel;
};

process.on("message", async (message) => {
  try {
    if (message.do === "end") {
      await peer.close();
      process.disconnect();
      return;
    }
    const before = cpuUs();
    const result = message.do === "measure" ? await measure(peer, message.column) : undefined;
    process.send({ result, cpuUs: cpuUs(), spentUs: cpuUs() - before });
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) });
  }
});
process.send({ ready: true, address: peer.address });
