/** Some transports in one process, each of which makes its calls at once when told to. */
import { openTransport } from "@trunkline/core";
import { driver } from "@trunkline/zmq";
import { answer, config } from "./answers.mjs";

const { url, names, timeoutMs, holdMs } = config;
const callers = await Promise.all(
  names.map(async (name) => {
    const transport = await openTransport(url, { drivers: [driver], callTimeoutMs: timeoutMs });
    return { name, transport, client: transport.client({ topic: "work" }) };
  }),
);

answer({
  /** One call each, so that all know the server. */
  greet: () => Promise.all(callers.map(({ name, client }) => client.call("call", { id: `${name}-hello`, holdMs: 0 }))),
  /** So many calls each, all at once. Answers with what became of them. */
  async call({ calls }) {
    const outcomes = callers.flatMap(({ name, client }) =>
      Array.from({ length: calls }, async (_, at) => {
        const id = `${name}-${at}`;
        const startedAt = performance.now();
        try {
          const result = await client.call("call", { id, holdMs });
          return { id, state: result === id ? "ok" : "strange", tookMs: performance.now() - startedAt };
        } catch (error) {
          return { id, state: "fail", error: `${error.code}: ${error.message}`, tookMs: performance.now() - startedAt };
        }
      }),
    );
    return Promise.all(outcomes);
  },
  close: () => Promise.all(callers.map(({ transport }) => transport.close())),
});
