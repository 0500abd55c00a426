import { InvalidTransportUrlError } from "@trunkline/core/driver";
import { z } from "zod";

/** The options of a `zmq` URL that say who is let in, and by whom this process is. */
export interface SecurityOptions {
  /**
   * `none`: messages may be taken from whoever reaches the port; asked for where `bind` is beyond loopback and nothing else is said.
   * `plain`: user and password, which are not encrypted. `curve`: keys, and encryption.
   */
  readonly security?: "none" | "plain" | "curve" | undefined;
  /** plain: who this process is. @default the user of the URL's first host that has one */
  readonly user?: string | undefined;
  /** plain. @default the password beside that user */
  readonly password?: string | undefined;
  /** plain: a file with the password alone. */
  readonly passwordFile?: string | undefined;
  /** plain: a file of those who are let in, a line `user:password` each. @default who has this process's own user and password */
  readonly usersFile?: string | undefined;
  /** curve: this process's own key, in Z85 or hexadecimal. */
  readonly secretKey?: string | undefined;
  /** curve: a file with that key alone. */
  readonly secretKeyFile?: string | undefined;
  /** curve: public keys of those who may answer, with commas between: `KEY`, or `KEY@HOST:PORT`. @default this process's own */
  readonly serverKeys?: string | undefined;
  /** curve: a file of those, a line each. */
  readonly serverKeysFile?: string | undefined;
  /** curve: public keys of those who are let in, with commas between. @default this process's own */
  readonly clientKeys?: string | undefined;
  /** curve: a file of those, a line each. */
  readonly clientKeysFile?: string | undefined;
}

type Text = z.ZodOptional<z.ZodString>;

type SecurityShape = Readonly<
  Record<Exclude<keyof SecurityOptions, "security">, Text> & {
    security: z.ZodOptional<z.ZodEnum<{ none: "none"; plain: "plain"; curve: "curve" }>>;
  }
>;

const text = (): Text => z.string().min(1).optional();

/** Part of the driver's schema. */
export const securityShape: SecurityShape = {
  security: z.enum(["none", "plain", "curve"]).optional(),
  user: text(),
  password: z.string().optional(),
  passwordFile: text(),
  usersFile: text(),
  secretKey: text(),
  secretKeyFile: text(),
  serverKeys: text(),
  serverKeysFile: text(),
  clientKeys: text(),
  clientKeysFile: text(),
};

const OF_PLAIN = ["user", "password", "passwordFile", "usersFile"] as const;
const OF_CURVE = [
  "secretKey",
  "secretKeyFile",
  "serverKeys",
  "serverKeysFile",
  "clientKeys",
  "clientKeysFile",
] as const;
const EITHER_OR = [
  ["password", "passwordFile"],
  ["secretKey", "secretKeyFile"],
  ["serverKeys", "serverKeysFile"],
  ["clientKeys", "clientKeysFile"],
] as const;

/** That no option is given which would have no effect. No value is told. @throws InvalidTransportUrlError (`option:<name>`) */
export function checkSecurityOptions(options: SecurityOptions): void {
  const { security } = options;
  for (const [mechanism, names] of [
    ["plain", OF_PLAIN],
    ["curve", OF_CURVE],
  ] as const) {
    const extra = names.find((name) => options[name] !== undefined);
    if (extra === undefined || security === mechanism) continue;
    throw new InvalidTransportUrlError(
      `the option ${extra} is for security=${mechanism}; add that, or remove the option`,
      `option:${extra}`,
    );
  }
  for (const [one, other] of EITHER_OR) {
    if (options[one] === undefined || options[other] === undefined) continue;
    throw new InvalidTransportUrlError(
      `the options ${one} and ${other} say the same; remove one of them`,
      `option:${other}`,
    );
  }
}
