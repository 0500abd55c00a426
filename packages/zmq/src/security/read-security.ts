import { readFile } from "node:fs/promises";
import { InvalidTransportUrlError, type TransportUrl } from "@trunkline/core/driver";
import { canonicalAddress, parseEngineAddress } from "../engine/address.js";
import { codeOf } from "../engine/native.js";
import { decodeCurveKey } from "./curve-key.js";
import { curveSecurity, plainSecurity, type Security, type ServerKey } from "./security.js";
import type { SecurityOptions } from "./security-options.js";

/** RFC 24: what fits the byte for its length. */
const MAX_PLAIN_BYTES = 255;
const KEY_SHAPE = "40 characters of Z85, or 64 hexadecimal digits";

/** Secrets that a program has from elsewhere than the URL or a file. */
export interface Secrets {
  /** For `security=plain`, in the place of `password`. */
  readonly password?: string;
  /** For `security=curve`, in the place of `secretKey`. */
  readonly secretKey?: string;
}

/**
 * What a URL's options say of security, files read. Undefined where they ask for none.
 * @throws InvalidTransportUrlError, which tells no secret: something is missing or malformed, a file cannot be read, or the program gives
 * secrets that would go unused.
 */
export async function readSecurity(
  url: TransportUrl,
  options: SecurityOptions,
  secrets: Secrets = {},
): Promise<Security | undefined> {
  if (options.security === undefined && (secrets.password ?? secrets.secretKey) !== undefined) {
    throw problem(
      "security",
      "the program gives this driver a secret, and the URL asks for no security: add security=plain or security=curve, or security=none to do without",
    );
  }
  if (options.security === "curve") return readCurve(options, secrets);
  return options.security === "plain" ? readPlain(credentialsOf(url), options, secrets) : undefined;
}

const SECRET_FILES: ReadonlySet<string> = new Set(["passwordFile", "secretKeyFile"]);

interface Credentials {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** Those of the URL's hosts, which are one pair: a process is one user to all. Of a variant they are for another service. */
function credentialsOf(url: TransportUrl): Credentials {
  const all =
    url.variant === undefined ? url.hosts.filter(({ user, password }) => (user ?? password) !== undefined) : [];
  const first: Credentials = all[0] ?? {};
  if (all.every(({ user, password }) => user === first.user && password === first.password)) return first;
  throw new InvalidTransportUrlError(
    "the URL's hosts have different users or passwords, and this process is one user to all of them: write them once",
    "credentials",
  );
}

async function readPlain(holder: Credentials, options: SecurityOptions, secrets: Secrets): Promise<Security> {
  const user = options.user ?? holder.user;
  const fromFile =
    options.passwordFile === undefined ? undefined : await readText("passwordFile", options.passwordFile);
  const password = options.password ?? fromFile?.replace(/\r?\n$/, "") ?? secrets.password ?? holder.password;
  if (user === undefined) {
    throw problem("user", "security=plain needs a user: write zmq://user:password@HOST:PORT, or the option user");
  }
  if (password === undefined) {
    throw problem(
      "password",
      "security=plain needs a password: write zmq://user:password@HOST:PORT, or passwordFile=PATH",
    );
  }
  for (const [name, value] of Object.entries({ user, password })) {
    const flaw = flawOf(value);
    if (flaw !== undefined) throw problem(name, `the ${name} for security=plain is ${flaw}`);
  }
  const { usersFile } = options;
  const users = usersFile === undefined ? [[user, password] as const] : await readUsers(usersFile);
  return plainSecurity(user, password, users);
}

/** What keeps a user or a password from being one. */
function flawOf(value: string): string | undefined {
  // libzmq takes an empty one for a wish to have no security at all.
  if (value === "") return "empty";
  return Buffer.byteLength(value) > MAX_PLAIN_BYTES ? `longer than ${MAX_PLAIN_BYTES} bytes` : undefined;
}

async function readUsers(path: string): Promise<readonly (readonly [string, string])[]> {
  const users = linesOf(await readText("usersFile", path)).map(({ line, number }) => {
    const where = `line ${number} of ${path}`;
    // Whoever takes a user out so must not find that there is one of that name.
    if (line.startsWith("#")) throw problem("usersFile", `${where} begins with #: a comment has a space behind it`);
    const colon = line.indexOf(":");
    if (colon < 1) throw problem("usersFile", `${where} is no user:password`);
    const [user, password] = [line.slice(0, colon), line.slice(colon + 1)];
    for (const [name, value] of Object.entries({ user, password })) {
      const flaw = flawOf(value);
      if (flaw !== undefined) throw problem("usersFile", `${where}: the ${name} is ${flaw}`);
    }
    return [user, password] as const;
  });
  if (users.length === 0) throw problem("usersFile", `${path} names nobody: nobody would be let in`);
  return users;
}

async function readCurve(options: SecurityOptions, secrets: Secrets): Promise<Security> {
  const { secretKeyFile, serverKeys, serverKeysFile, clientKeys, clientKeysFile } = options;
  const said =
    options.secretKey ??
    (secretKeyFile === undefined ? secrets.secretKey : await readText("secretKeyFile", secretKeyFile));
  const where = secretKeyFile === undefined ? "secretKey" : "secretKeyFile";
  if (said === undefined) {
    throw problem(
      "secretKeyFile",
      "security=curve needs a key: write secretKeyFile=PATH; generateCurveKeyPair() of @trunkline/zmq makes one",
    );
  }
  const secretKey = decodeCurveKey(said.trim());
  if (secretKey === undefined) throw problem(where, `the secret key is not ${KEY_SHAPE}`);
  const servers = await readList("serverKeys", serverKeys, serverKeysFile);
  const clients = await readList("clientKeys", clientKeys, clientKeysFile);
  return curveSecurity(
    secretKey,
    servers === undefined ? undefined : serverKeysOf(servers),
    clients?.map(({ line, number }) => keyOf("clientKeys", line, number)),
  );
}

function serverKeysOf(lines: readonly Line[]): readonly ServerKey[] {
  const keys = lines.map(({ line, number }): ServerKey => {
    const [text = "", at] = splitKey(line);
    const key = keyOf("serverKeys", text, number);
    if (at === undefined) return { key };
    const address = parseEngineAddress(`tcp://${at}`, "dial");
    if (typeof address !== "string" && address.transport === "tcp")
      return { key, address: canonicalAddress(`tcp://${at}`) };
    throw problem("serverKeys", `entry ${number} is for ${at}, which is no HOST:PORT`);
  });
  const places = keys.map(({ address }) => address ?? "all other addresses");
  const twice = places.find((place, index) => places.indexOf(place) !== index);
  if (twice === undefined) return keys;
  throw problem("serverKeys", `two keys are for ${twice}: write KEY@HOST:PORT for each, as one address has one key`);
}

/** Z85 has `@` too, so that only the length tells where a key ends. */
function splitKey(line: string): readonly [key: string, at: string | undefined] {
  for (const length of [40, 64]) {
    if (line[length] === "@" && decodeCurveKey(line.slice(0, length)) !== undefined) {
      return [line.slice(0, length), line.slice(length + 1)];
    }
  }
  return [line, undefined];
}

function keyOf(option: string, text: string, number: number): Buffer {
  const key = decodeCurveKey(text);
  if (key === undefined) throw problem(option, `entry ${number} of ${option} is no public key: ${KEY_SHAPE}`);
  return key;
}

interface Line {
  readonly line: string;
  readonly number: number;
}

async function readList(
  option: "serverKeys" | "clientKeys",
  inline: string | undefined,
  path: string | undefined,
): Promise<readonly Line[] | undefined> {
  if (inline === undefined && path === undefined) return undefined;
  const lines =
    path === undefined
      ? (inline ?? "").split(",").map((line, index) => ({ line: line.trim(), number: index + 1 }))
      : linesOf(await readText(`${option}File`, path));
  if (lines.length === 0) throw problem(`${option}File`, `${path} has no key: nobody would be trusted`);
  return lines;
}

/** Lines that are neither empty nor a comment. `#` is a digit of Z85: a comment has a space behind it. */
function linesOf(text: string): readonly Line[] {
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== "" && line !== "#" && !line.startsWith("# "));
}

async function readText(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    // The secret itself may have been written where its file's name belongs.
    const what = SECRET_FILES.has(option) ? `the file of ${option}` : path;
    throw problem(option, `cannot read ${what} (${codeOf(error)}); name a file that this process may read`);
  }
}

function problem(option: string, text: string): InvalidTransportUrlError {
  return new InvalidTransportUrlError(text, `option:${option}`);
}
