import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { text } from "node:stream/consumers";
import { PrivateRabbit, type RabbitCoordinates } from "@trunkline/rabbit/testing";

type Answer = { readonly coordinates: RabbitCoordinates } | { readonly problem: string };

/**
 * The one RabbitMQ of a test run, in vitest's own process: test files ask for it at a port of this machine, and are answered
 * when it is ready. It starts when it is first asked for, or told to begin.
 */
export class SharedRabbit {
  readonly #server: Server;
  #started: Promise<PrivateRabbit> | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<SharedRabbit> {
    const server = createServer();
    const shared = new SharedRabbit(server);
    server.on("connection", (socket) => {
      // A test file that was given up hangs up before it is answered.
      socket.on("error", () => {});
      void shared.#answer().then((answer) => socket.end(JSON.stringify(answer)));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    server.unref();
    return shared;
  }

  /** Where it is to be asked for. */
  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the server of the shared RabbitMQ is closed");
    return address.port;
  }

  /** Starts it in the background. */
  begin(): void {
    this.#started ??= PrivateRabbit.start();
    this.#started.catch(() => {}); // told to those who ask
  }

  /** Ends it, or does not let it start. */
  async close(): Promise<void> {
    this.#server.close();
    const rabbit = await this.#started?.catch(() => undefined);
    await rabbit?.end();
  }

  async #answer(): Promise<Answer> {
    this.begin();
    try {
      const rabbit = await this.#started;
      if (rabbit === undefined) throw new Error("the RabbitMQ of this run was not started");
      return { coordinates: rabbit.coordinates };
    } catch (error) {
      return { problem: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** Asks for the shared broker, in a test file. Rejects with what kept it from starting. */
export async function askForRabbit(port: number): Promise<RabbitCoordinates> {
  const answer: Answer = JSON.parse(await text(connect({ host: "127.0.0.1", port })));
  if ("problem" in answer) throw new Error(answer.problem);
  return answer.coordinates;
}
