import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { canonicalAddress } from "../engine/address.js";
import { publicKeyOf } from "./curve-key.js";

/** What an engine must know to let others in, and to be let in by them. */
export type Security = PlainSecurity | CurveSecurity;

/** A user and a password, which whoever can read the connection reads too. */
export interface PlainSecurity {
  readonly mechanism: "plain";
  /** What this process says when it dials. */
  readonly user: string;
  readonly password: string;
  /** Whom it lets in. Takes as long whatever is asked. */
  isAllowed(user: Buffer, password: Buffer): boolean;
  /** The secrets that can be are overwritten. */
  wipe(): void;
}

/** Keys: both sides know whom they talk to, and nobody else reads it. */
export interface CurveSecurity {
  readonly mechanism: "curve";
  readonly publicKey: Buffer;
  readonly secretKey: Buffer;
  /** Who is to answer at an address that is dialled; undefined: nobody is trusted there. */
  serverKeyOf(address: string): Buffer | undefined;
  isAllowed(clientKey: Buffer): boolean;
  wipe(): void;
}

/** @param users whom to let in: pairs of a user and a password, at least one. */
export function plainSecurity(
  user: string,
  password: string,
  users: readonly (readonly [user: string, password: string])[],
): PlainSecurity {
  // Digests with a key of this process have one length, and say nothing of what they were made from by where they differ.
  const key = randomBytes(32);
  const digest = (name: Buffer, secret: Buffer): Buffer =>
    createHmac("sha256", key).update(Buffer.of(name.length)).update(name).update(secret).digest();
  const known = users.map(([name, secret]) => digest(Buffer.from(name), Buffer.from(secret)));
  return {
    mechanism: "plain",
    user,
    password,
    isAllowed(name, secret) {
      const said = digest(name, secret);
      let isKnown = false;
      for (const one of known) isKnown = timingSafeEqual(one, said) || isKnown;
      return isKnown;
    },
    wipe() {
      key.fill(0);
      for (const one of known) one.fill(0);
    },
  };
}

/** One server's key, of whoever answers at `address`, as `canonicalAddress` writes it; of all others where it has none. */
export interface ServerKey {
  readonly key: Buffer;
  readonly address?: string;
}

/** @param serverKeys @param clientKeys undefined: those who have this same key. */
export function curveSecurity(
  secretKey: Buffer,
  serverKeys: readonly ServerKey[] | undefined,
  clientKeys: readonly Buffer[] | undefined,
): CurveSecurity {
  const publicKey = publicKeyOf(secretKey);
  const trusted: readonly ServerKey[] = serverKeys ?? [{ key: publicKey }];
  // Public keys: that one looks them up in a table tells nobody anything.
  const allowed = new Set((clientKeys ?? [publicKey]).map((key) => key.toString("hex")));
  return {
    mechanism: "curve",
    publicKey,
    secretKey,
    serverKeyOf(address) {
      const canonical = canonicalAddress(address);
      const own = trusted.find((entry) => entry.address === canonical);
      return (own ?? trusted.find((entry) => entry.address === undefined))?.key;
    },
    isAllowed: (clientKey) => allowed.has(clientKey.toString("hex")),
    wipe: () => void secretKey.fill(0),
  };
}
