import type { PrivateRabbit } from "@trunkline/rabbit/testing";
import { runWell } from "../../support/programs.js";

/** RabbitMQ's own command for operators, at a broker of the tests. It takes a second. */
export function rabbitmqctl({ coordinates }: PrivateRabbit, ...args: readonly string[]): Promise<string> {
  const { node, epmdPort, home } = coordinates;
  return runWell("/usr/lib/rabbitmq/bin/rabbitmqctl", ["--quiet", "--node", node, ...args], {
    cwd: home,
    env: { HOME: home, ERL_EPMD_PORT: String(epmdPort) },
  });
}
