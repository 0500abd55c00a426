import type { CallOptions, Receipt, RpcClient, Transport, Value } from "@trunkline/core";
import type { Command, Option } from "../arguments/command.js";
import type { Input } from "../arguments/input.js";
import {
  CONTEXT,
  EXCHANGE,
  present,
  readContext,
  readParams,
  readTimeoutMs,
  readVersion,
} from "../arguments/readers.js";
import { EXIT_OK } from "../exit-code.js";
import { withTransport } from "../with-transport.js";

type Kind = "call" | "cast" | "fanout";

const SERVER: Option = { name: "server", value: "NAME", help: "that server only" };

const OPTIONS: readonly Option[] = [
  EXCHANGE,
  { name: "namespace", value: "NAME", help: "the endpoint's namespace" },
  { name: "version", value: "X.Y", help: "the version asked for; default 1.0" },
  { name: "timeout", value: "MS", help: "milliseconds to wait; default 60000 for a call, 30000 else" },
  CONTEXT,
];

/** `call` prints the handler's result. */
export const call: Command = request("call", "call a method of one server and print its result", [SERVER]);
/** `cast` prints what it resolves with: how many accepted it. */
export const cast: Command = request("cast", "send a request to one server, without waiting for a result", [SERVER]);
/** `fanout` prints how many servers accepted it. */
export const fanout: Command = request("fanout", "send a request to every server that listens on the topic", []);

function request(kind: Kind, summary: string, own: readonly Option[]): Command {
  return {
    name: kind,
    summary,
    operands: [
      { name: "URL", kind: "required", help: "the transport, such as zmq://" },
      { name: "TOPIC", kind: "required", help: "what the servers listen on" },
      { name: "METHOD", kind: "required", help: "what is asked of them" },
      { name: "JSON", kind: "optional", help: "the params, a JSON object; default {}" },
    ],
    options: [...own, ...OPTIONS],
    example: `trunkline ${kind} zmq:// greeter ${kind === "call" ? `echo '{"text": "hi"}'` : `note '{"text": "hi"}'`}`,

    async run(input, surroundings) {
      const params = readParams(input) ?? {};
      const timeoutMs = readTimeoutMs(input);
      const version = readVersion(input);
      const options: CallOptions = {
        ...present({ timeoutMs, context: readContext(input) }),
        signal: surroundings.interrupted,
      };
      const opening = present({ connectTimeoutMs: timeoutMs });
      const result = await withTransport<Value | Receipt>(input.required("URL"), surroundings, opening, (transport) =>
        clientOf(transport, input, version)[kind](input.required("METHOD"), params, options),
      );
      await surroundings.terminal.result(result);
      return EXIT_OK;
    },
  };
}

function clientOf(transport: Transport, input: Input, version: string | undefined): RpcClient {
  return transport.client({
    topic: input.required("TOPIC"),
    ...present({
      server: input.optional("server"),
      exchange: input.optional("exchange"),
      namespace: input.optional("namespace"),
      version,
    }),
  });
}
