import { setImmediate as turn } from "node:timers/promises";
import { ListenError } from "@trunkline/core/driver";
import type { Reply } from "zeromq";
import { encodeZ85 } from "../security/curve-key.js";
import type { Security } from "../security/security.js";
import type { LinkEnd } from "./engine.js";
import { denial, MAY_BE_DENIED } from "./link-texts.js";
import { codeOf, type NativeContext, reasonOf } from "./native.js";

/** RFC 27: where libzmq asks whom to let in. One for each context. */
const ZAP_ADDRESS = "inproc://zeromq.zap.01";
const ZAP_VERSION = "1.0";
/** Without a domain that is enforced libzmq lets everybody in where it finds nobody to ask. */
const ZAP_DOMAIN = "trunkline";
const NOTHING = "";
/** The handler of the engine that had this context before may still be letting go of the address. */
const BIND_MS = 2_000;

/** What a DEALER is made with. Undefined: nobody is trusted at that address. */
export function dealerSecurity(
  security: Security | undefined,
  address: string,
): Readonly<Record<string, string>> | undefined {
  if (security === undefined) return {};
  if (security.mechanism === "plain") return { plainUsername: security.user, plainPassword: security.password };
  const serverKey = security.serverKeyOf(address);
  if (serverKey === undefined) return undefined;
  return {
    curvePublicKey: encodeZ85(security.publicKey),
    curveSecretKey: encodeZ85(security.secretKey),
    curveServerKey: encodeZ85(serverKey),
  };
}

/** What libzmq says went wrong in the handshake of a link that is dialled. */
export function misunderstanding(
  security: Security | undefined,
  peer: string,
  event: { readonly type: string; readonly error: Error },
): LinkEnd {
  // A correct ERROR of RFC 24 is an unexpected command to libzmq, which says no more.
  const isError = security?.mechanism === "plain" && codeOf(event.error) === "ERR_ZMTP_UNEXPECTED_COMMAND";
  if (security !== undefined && (isError || event.type === "handshake:error:auth")) {
    const what = security.mechanism === "plain" ? "the user or the password" : "the key";
    return denial(peer, `it does not take ${what} of this side`);
  }
  if (codeOf(event.error) === "ERR_ZMTP_MECHANISM_MISMATCH") {
    const ours = security?.mechanism.toUpperCase() ?? "NULL";
    return denial(peer, `its security mechanism is not that of this side, which is ${ours}`);
  }
  return unfinished(security, `it does not speak our language: ${reasonOf(event.error)}`);
}

/** The end of a link whose handshake broke off. */
export function unfinished(security: Security | undefined, detail: string): LinkEnd {
  return { reason: "handshake", detail: security === undefined ? detail : `${detail}${MAY_BE_DENIED}` };
}

/** What a ROUTER is made with: with either mechanism nobody comes in but whom a {@link ZapHandler} lets. */
export function routerSecurity(security: Security | undefined): Readonly<Record<string, string | boolean>> {
  if (security === undefined) return {};
  const asked = { zapDomain: ZAP_DOMAIN, zapEnforceDomain: true };
  if (security.mechanism === "plain") return { ...asked, plainServer: true };
  return { ...asked, curveServer: true, curveSecretKey: encodeZ85(security.secretKey) };
}

/** Answers libzmq's questions whom to let in (ZAP, RFC 27), in the process itself. */
export class ZapHandler {
  readonly #socket: Reply;
  readonly #security: Security;

  private constructor(socket: Reply, security: Security) {
    this.#socket = socket;
    this.#security = security;
    void this.#answerAll();
  }

  /** Resolves when it answers. @throws ListenError */
  static async open({ native, context }: NativeContext, security: Security): Promise<ZapHandler> {
    const socket = new native.Reply({ context, linger: 0 });
    const giveUpAt = performance.now() + BIND_MS;
    for (;;) {
      try {
        socket.bindSync(ZAP_ADDRESS);
        return new ZapHandler(socket, security);
      } catch (error) {
        if (codeOf(error) === "EADDRINUSE" && performance.now() < giveUpAt) {
          await turn();
          continue;
        }
        socket.close();
        throw new ListenError(`cannot listen with security: ${reasonOf(error)}`, { cause: error });
      }
    }
  }

  /** From now on nobody is let in. */
  close(): void {
    this.#socket.close();
  }

  /** A question that cannot be answered gets "no": one without an answer would hang its connection, and all after it. */
  async #answerAll(): Promise<void> {
    while (!this.#socket.closed) {
      try {
        const question = await this.#socket.receive();
        const isAllowed = this.#isAllowed(question);
        const status = isAllowed ? ["200", "OK"] : ["400", "not allowed"];
        await this.#socket.send([ZAP_VERSION, question[1] ?? NOTHING, ...status, NOTHING, NOTHING]);
      } catch {
        // A closed socket rejects what was waiting on it; after another failure it is asked again.
        await turn();
      }
    }
  }

  /** [version, request id, domain, address, identity, mechanism, credentials…]. */
  #isAllowed([version, , domain, , , mechanism, ...credentials]: readonly Buffer[]): boolean {
    const security = this.#security;
    if (version?.toString() !== ZAP_VERSION || domain?.toString() !== ZAP_DOMAIN) return false;
    const [first, second] = credentials;
    if (security.mechanism === "plain") {
      if (mechanism?.toString() !== "PLAIN" || first === undefined || second === undefined) return false;
      return security.isAllowed(first, second);
    }
    return mechanism?.toString() === "CURVE" && first !== undefined && security.isAllowed(first);
  }
}
