import type { Security } from "../security/security.js";
import type { Sodium } from "../zmtp/crypto/sodium.js";
import { curveClient } from "../zmtp/mechanisms/curve-client.js";
import { curveServer } from "../zmtp/mechanisms/curve-server.js";
import type { MechanismMaker } from "../zmtp/mechanisms/mechanism.js";
import { NULL_MECHANISM } from "../zmtp/mechanisms/null-mechanism.js";
import { plainClient, plainServer } from "../zmtp/mechanisms/plain-mechanism.js";

/** How the connections of one engine begin. */
export interface Mechanisms {
  /** Undefined: nobody is trusted at that address. */
  forDialling(address: string): MechanismMaker | undefined;
  readonly forListening: MechanismMaker;
}

/** @param sodium only `curve` needs it. @throws Error: it needs it, and there is none. */
export function mechanismsOf(security: Security | undefined, sodium: Sodium | undefined): Mechanisms {
  if (security === undefined) return { forDialling: () => NULL_MECHANISM, forListening: NULL_MECHANISM };
  if (security.mechanism === "plain") {
    const client = plainClient({ user: Buffer.from(security.user), password: Buffer.from(security.password) });
    return {
      forDialling: () => client,
      forListening: plainServer((user, password) => security.isAllowed(user, password)),
    };
  }
  if (sodium === undefined) throw new Error("an engine with CURVE was made without a library for it");
  const own = { publicKey: security.publicKey, secretKey: security.secretKey };
  return {
    forDialling(address) {
      const serverKey = security.serverKeyOf(address);
      return serverKey === undefined ? undefined : curveClient(sodium, { own, serverKey });
    },
    forListening: curveServer(sodium, { own, isAllowed: (key) => security.isAllowed(key) }),
  };
}
