import { hostname } from "node:os";
import { PRIORITIES } from "@trunkline/core";
import type { Command } from "../arguments/command.js";
import { readPriorities } from "../arguments/priorities.js";
import { CONTEXT, EXCHANGE, present, readContext, readJson, readTimeoutMs } from "../arguments/readers.js";
import { EXIT_OK } from "../exit-code.js";
import { UsageError } from "../usage-error.js";
import { withTransport } from "../with-transport.js";

/** `notify` prints what the emission resolves with: the message id, and how many pools took it. */
export const notify: Command = {
  name: "notify",
  summary: "tell whoever listens on the topic that something happened",
  operands: [
    { name: "URL", kind: "required", help: "the transport, such as zmq://" },
    { name: "TOPIC", kind: "required", help: "where it is told, such as notifications" },
    { name: "PRIORITY", kind: "required", help: `one of ${PRIORITIES.join(", ")}` },
    { name: "EVENT_TYPE", kind: "required", help: "what happened, such as disk.full" },
    { name: "JSON", kind: "optional", help: "the payload, any JSON value; default null" },
  ],
  options: [
    { name: "publisher", value: "ID", help: "who says it; default trunkline.<host name>" },
    EXCHANGE,
    { name: "timeout", value: "MS", help: "milliseconds to wait until it is accepted; default 30000" },
    CONTEXT,
  ],
  example: `trunkline notify zmq:// notifications info disk.full '{"disk": "sda"}'`,

  async run(input, surroundings) {
    const payload = readJson(input, "payload");
    const [priority, ...others] = readPriorities("PRIORITY", input.required("PRIORITY"));
    if (priority === undefined || others.length > 0) throw new UsageError("an event has one PRIORITY");
    const timeoutMs = readTimeoutMs(input);
    const options = { ...present({ context: readContext(input), timeoutMs }), signal: surroundings.interrupted };
    const opening = present({ connectTimeoutMs: timeoutMs });
    const notified = await withTransport(input.required("URL"), surroundings, opening, (transport) => {
      const notifier = transport.notifier({
        publisherId: input.optional("publisher") ?? `trunkline.${hostname()}`,
        topics: [input.required("TOPIC")],
        ...present({ exchange: input.optional("exchange") }),
      });
      return notifier.emit(priority, input.required("EVENT_TYPE"), payload, options);
    });
    await surroundings.terminal.result(notified);
    return EXIT_OK;
  },
};
