import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

/** AMQP 0-9-1's protocol header, which a client sends first. */
const HEADER: Buffer = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);

/** The type of a frame that carries a method; the first that a server sends is `connection.start`. */
const METHOD_FRAME = 1;

const ANSWER_WITHIN_MS = 2_000;

/** True where a broker answers AMQP's greeting. One that starts takes connections before that, and drops them. */
export function greets(host: string, port: number, isTls = false): Promise<boolean> {
  return new Promise((resolve) => {
    // Whom the certificate names is for the tests to check: here it matters only that somebody answers.
    const socket = isTls ? connectTls({ host, port, rejectUnauthorized: false }) : connect({ host, port });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(ANSWER_WITHIN_MS, () => settle(false));
    socket.once(isTls ? "secureConnect" : "connect", () => socket.write(HEADER));
    socket.once("data", (chunk: Buffer) => settle(chunk[0] === METHOD_FRAME));
    socket.once("error", () => settle(false));
    socket.once("close", () => settle(false));
  });
}
