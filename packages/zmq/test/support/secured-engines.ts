/** Engines of both kinds with the same security. */
import type { Engine, EngineOptions } from "../../src/engine/engine.js";
import { createLibzmqEngine } from "../../src/engine/libzmq-engine.js";
import { createZmtpEngine } from "../../src/engine/zmtp-engine.js";
import { curveSecurity, plainSecurity, type Security } from "../../src/security/security.js";
import { SODIUM_LOADERS } from "../../src/zmtp/crypto/load-sodium.js";
import type { KeyPair, Sodium } from "../../src/zmtp/crypto/sodium.js";
import { CLIENT, SERVER } from "./curve-keys.js";

export const SODIUM: Readonly<Record<Sodium["name"], Sodium>> = {
  "sodium-native": await SODIUM_LOADERS["sodium-native"](),
  "libsodium-wrappers": await SODIUM_LOADERS["libsodium-wrappers"](),
};

export type Kind = "zmtp" | "libzmq";
export const KINDS: readonly Kind[] = ["zmtp", "libzmq"];

/** Each pair of a listener's and a dialer's. */
export const PAIRS: readonly (readonly [listener: Kind, dialer: Kind])[] = KINDS.flatMap((listener) =>
  KINDS.map((dialer) => [listener, dialer] as const),
);

export function createEngine(kind: Kind, options: EngineOptions, library: Sodium["name"] = "sodium-native"): Engine {
  if (kind === "libzmq") return createLibzmqEngine(options);
  return createZmtpEngine({ ...options, sodium: SODIUM[library] });
}

export const PASSWORD = "kit-s3cret";

/** As `security=plain` has it: who has this password is let in. */
export const plain = (password: string = PASSWORD, user = "ann"): Security =>
  plainSecurity(user, password, [[user, password]]);

/** As `security=curve` has it. The lists' defaults are who belongs to the test. */
export function curve(
  own: KeyPair,
  parts: { readonly server?: KeyPair; readonly clients?: readonly KeyPair[] } = {},
): Security {
  const { server = SERVER, clients = [CLIENT] } = parts;
  return curveSecurity(
    Buffer.from(own.secretKey),
    [{ key: server.publicKey }],
    clients.map(({ publicKey }) => publicKey),
  );
}

/** One key for all. */
export const sharedKey = (): Security => curveSecurity(Buffer.from(SERVER.secretKey), undefined, undefined);
