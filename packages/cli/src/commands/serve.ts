import type { Command } from "../arguments/command.js";
import { EXCHANGE, present } from "../arguments/readers.js";
import { createEnding } from "../ending.js";
import { EXIT_OK } from "../exit-code.js";
import { sayReady } from "../say-ready.js";
import { loadEndpoints } from "../serving/load-endpoints.js";
import { createReadyMade } from "../serving/ready-made.js";
import { withTransport } from "../with-transport.js";

/** `serve` answers until it is ended, and prints nothing on stdout. */
export const serve: Command = {
  name: "serve",
  summary: "answer requests, with a module's endpoints or the ready-made ones",
  operands: [
    { name: "URL", kind: "required", help: "the transport, such as zmq://" },
    { name: "TOPIC", kind: "required", help: "what to answer on" },
  ],
  options: [
    { name: "server", value: "NAME", isRequired: true, help: "this server's name on the topic" },
    {
      name: "module",
      value: "FILE",
      help: 'its export "endpoints" or "default", an endpoint or an array; without it: echo, add, fail, sleep, whoami, note, seen',
    },
    EXCHANGE,
  ],
  isEndless: true,
  example: "trunkline serve zmq:// greeter --server host1",

  async run(input, surroundings) {
    const server = input.required("server");
    const file = input.optional("module");
    const endpoints = file === undefined ? createReadyMade(server) : await loadEndpoints(file);
    return withTransport(input.required("URL"), surroundings, {}, async (transport) => {
      const ending = createEnding(surroundings.interrupted);
      const target = { topic: input.required("TOPIC"), server, ...present({ exchange: input.optional("exchange") }) };
      const running = await transport.serve(target, endpoints);
      await sayReady(transport, surroundings.terminal, ending);
      const failure = await Promise.race([ending.wait, running.closed]);
      if (failure !== undefined) throw failure;
      await running.stop();
      return EXIT_OK;
    });
  },
};
