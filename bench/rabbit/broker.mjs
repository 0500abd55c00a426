/** The one broker that all systems share in a run. */
import { fileURLToPath } from "node:url";
import { connect } from "amqplib";
import { Peer } from "./peer.mjs";

const KEEPER = fileURLToPath(new URL("./broker-keeper.mjs", import.meta.url));
const STARTED_WITHIN_MS = 75_000;
const ANSWERED_WITHIN_MS = 10_000;
/** Nobody here would hear of it. */
const NEVER = new Promise(() => {});

/**
 * The one that TRUNKLINE_TEST_RABBIT_URL names, else a private one, which ends at `close()` or with this process. Its `died`
 * rejects when it ended before.
 */
export async function openBroker(signal) {
  signal.throwIfAborted();
  const given = process.env.TRUNKLINE_TEST_RABBIT_URL;
  return given ? openGiven(given.replace(/^rabbit:/, "amqp:")) : startPrivate(signal);
}

async function openGiven(url) {
  if (!url.startsWith("amqp://")) throw new Error("TRUNKLINE_TEST_RABBIT_URL must begin with amqp:// or rabbit://");
  const connection = await connect(url);
  const { version } = connection.connection.serverProperties;
  await connection.close();
  return { url, version, isPrivate: false, cpuUs: async () => null, died: NEVER, close: async () => {} };
}

async function startPrivate(signal) {
  const keeper = new Peer("the private RabbitMQ", process.execPath, [KEEPER]);
  const close = () => keeper.end();
  signal.addEventListener("abort", close, { once: true });
  try {
    const { url, version } = await keeper.ready(STARTED_WITHIN_MS);
    const cpuUs = async () => (await keeper.ask({ do: "cpu" }, ANSWERED_WITHIN_MS)).cpuUs;
    return { url, version, isPrivate: true, cpuUs, died: keeper.died, close };
  } catch (error) {
    await close();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}
