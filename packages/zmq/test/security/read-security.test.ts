import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvalidTransportUrlError, parseTransportUrl, withOptions } from "@trunkline/core/driver";
import { afterAll, expect, test } from "vitest";
import { driver } from "../../src/index.js";
import { readOptions } from "../../src/options.js";
import { readSecurity, type Secrets } from "../../src/security/read-security.js";
import type { CurveSecurity, PlainSecurity, Security } from "../../src/security/security.js";
import { CLIENT, SERVER, STRANGER, textsOf } from "../support/curve-keys.js";

const directory = mkdtempSync(join(tmpdir(), "trunkline-security-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return encodeURIComponent(path);
}

async function read(text: string, secrets?: Secrets): Promise<Security | undefined> {
  const url = withOptions(parseTransportUrl(text), driver);
  return readSecurity(url, readOptions(url), secrets);
}

async function plain(text: string, secrets?: Secrets): Promise<PlainSecurity> {
  const security = await read(text, secrets);
  if (security?.mechanism !== "plain") throw new Error("it is not plain");
  return security;
}

async function curve(text: string, secrets?: Secrets): Promise<CurveSecurity> {
  const security = await read(text, secrets);
  if (security?.mechanism !== "curve") throw new Error("it is not curve");
  return security;
}

const lets = ({ isAllowed }: PlainSecurity, user: string, password: string): boolean =>
  isAllowed(Buffer.from(user), Buffer.from(password));
const server = textsOf(SERVER);
const client = textsOf(CLIENT);
const stranger = textsOf(STRANGER);
const secretKeyFile = file("server.key", `${server.secretKey}\n`);
const q = encodeURIComponent;

test("a URL that asks for none has none", async () => {
  expect(await read("zmq://")).toBeUndefined();
  expect(await read("zmq://?bind=0.0.0.0:7400&security=none")).toBeUndefined();
});

test("plain: the URL's user is who this process is, and whom it lets in", async () => {
  const security = await plain("zmq://a%3Ann:s3%40cr%2Fet@h1:7400,h2:7400?security=plain");
  expect(security).toMatchObject({ user: "a:nn", password: "s3@cr/et" });
  expect(lets(security, "a:nn", "s3@cr/et")).toBe(true);
  expect(lets(security, "a:nn", "s3@cr/e")).toBe(false);
});

test("plain: user and password by options, by a file, and by the program", async () => {
  expect(await plain("zmq://?security=plain&user=ann&password=s3cret")).toMatchObject({
    user: "ann",
    password: "s3cret",
  });
  const path = file("password", "from a file\n");
  expect((await plain(`zmq://?security=plain&user=ann&passwordFile=${path}`)).password).toBe("from a file");
  expect((await plain("zmq://?security=plain&user=ann", { password: "given" })).password).toBe("given");
});

test("plain: a file names those who are let in, and not who dials", async () => {
  const path = file("users", "# who may\nbob:pass:word\n\nann:s3cret\n");
  const security = await plain(`zmq://?security=plain&user=me&password=mine&usersFile=${path}`);
  expect(lets(security, "bob", "pass:word")).toBe(true);
  expect(lets(security, "ann", "s3cret")).toBe(true);
  expect(lets(security, "me", "mine")).toBe(false);
  expect(lets(security, "# who may", "")).toBe(false);
});

test("curve: one key for all, where no lists are given", async () => {
  const security = await curve(`zmq://?security=curve&secretKeyFile=${secretKeyFile}`);
  expect(security.publicKey).toEqual(SERVER.publicKey);
  expect(security.serverKeyOf("tcp://h:1")).toEqual(SERVER.publicKey);
  expect(security.isAllowed(SERVER.publicKey)).toBe(true);
  expect(security.isAllowed(CLIENT.publicKey)).toBe(false);
});

test("curve: the key by an option, in hexadecimal, and by the program", async () => {
  const hex = SERVER.secretKey.toString("hex");
  expect((await curve(`zmq://?security=curve&secretKey=${q(server.secretKey)}`)).publicKey).toEqual(SERVER.publicKey);
  expect((await curve(`zmq://?security=curve&secretKey=${hex}`)).publicKey).toEqual(SERVER.publicKey);
  expect((await curve("zmq://?security=curve", { secretKey: server.secretKey })).publicKey).toEqual(SERVER.publicKey);
});

test("curve: lists of keys, each server's by its address", async () => {
  const serverKeys = `${client.publicKey}@h1:7400,${STRANGER.publicKey.toString("hex")}@[::1]:7400`;
  const security = await curve(
    `zmq://?security=curve&secretKeyFile=${secretKeyFile}&serverKeys=${q(serverKeys)}&clientKeys=${q(client.publicKey)}`,
  );
  expect(security.serverKeyOf("tcp://h1:7400")).toEqual(CLIENT.publicKey);
  expect(security.serverKeyOf("tcp://[::1]:7400")).toEqual(STRANGER.publicKey);
  expect(security.serverKeyOf("tcp://h2:7400")).toBeUndefined();
  expect(security.isAllowed(CLIENT.publicKey)).toBe(true);
  expect(security.isAllowed(SERVER.publicKey)).toBe(false);
});

test("curve: files of keys, one of them for all other servers", async () => {
  const servers = file("servers", `# ours\n${client.publicKey}\n${stranger.publicKey}@h2:1\n`);
  const clients = file("clients", `${client.publicKey}\r\n${stranger.publicKey}\r\n`);
  const security = await curve(
    `zmq://?security=curve&secretKeyFile=${secretKeyFile}&serverKeysFile=${servers}&clientKeysFile=${clients}`,
  );
  expect(security.serverKeyOf("ipc:///x")).toEqual(CLIENT.publicKey);
  expect(security.serverKeyOf("tcp://h2:1")).toEqual(STRANGER.publicKey);
  expect(security.isAllowed(STRANGER.publicKey)).toBe(true);
});

const curveUrl = (more: string): string => `zmq://?security=curve&secretKeyFile=${secretKeyFile}&${more}`;

test.each([
  ["zmq://?security=plain", "option:user", "needs a user"],
  ["zmq://?security=plain&user=ann", "option:password", "needs a password"],
  ["zmq://ann:@h:1?security=plain", "option:password", "is empty"],
  ["zmq://?security=plain&user=ann&password=", "option:password", "is empty"],
  [`zmq://?security=plain&user=${"u".repeat(256)}&password=s3cret`, "option:user", "longer than 255 bytes"],
  [`zmq://?security=plain&user=ann&passwordFile=${q(join(directory, "absent"))}`, "option:passwordFile", "(ENOENT)"],
  [
    `zmq://?security=plain&user=a&password=s3cret&usersFile=${file("bad-users", "ann\n")}`,
    "option:usersFile",
    "line 1",
  ],
  [
    `zmq://?security=plain&user=a&password=s3cret&usersFile=${file("empty-password", "ann:x\nbob:\n")}`,
    "option:usersFile",
    "line 2",
  ],
  [
    `zmq://?security=plain&user=a&password=s3cret&usersFile=${file("taken-out", "#bob:s3cret\n")}`,
    "option:usersFile",
    "line 1",
  ],
  [
    `zmq://?security=plain&user=a&password=s3cret&usersFile=${file("long-user", `${"u".repeat(256)}:s3cret\n`)}`,
    "option:usersFile",
    "longer than 255 bytes",
  ],
  ["zmq://?security=plain&user=ann&passwordFile=s3cret", "option:passwordFile", "(ENOENT)"],
  ["zmq://?security=curve&secretKeyFile=s3cret", "option:secretKeyFile", "(ENOENT)"],
  [
    `zmq://?security=plain&user=a&password=s3cret&usersFile=${file("no-users", "\n")}`,
    "option:usersFile",
    "names nobody",
  ],
  ["zmq://a:s3cret@h:1,b:s3cret@i:1?security=plain", "credentials", "different users"],
  ["zmq://?user=ann", "option:user", "security=plain"],
  ["zmq://?security=none&password=s3cret", "option:password", "security=plain"],
  ["zmq://?security=plain&user=a&password=s3cret&secretKey=x", "option:secretKey", "security=curve"],
  ["zmq://?security=plain&user=a&password=s3cret&passwordFile=x", "option:passwordFile", "say the same"],
  ["zmq://?clientKeys=x", "option:clientKeys", "security=curve"],
  ["zmq://?security=curve", "option:secretKeyFile", "generateCurveKeyPair"],
  ["zmq://?security=curve&secretKey=s3cret", "option:secretKey", "40 characters"],
  [`zmq://?security=curve&secretKeyFile=${file("bad.key", "s3cret")}`, "option:secretKeyFile", "40 characters"],
  [curveUrl("serverKeys=nonsense"), "option:serverKeys", "entry 1"],
  [
    curveUrl(`serverKeys=${q(`${client.publicKey},${stranger.publicKey}`)}`),
    "option:serverKeys",
    "all other addresses",
  ],
  [curveUrl(`serverKeys=${q(`${client.publicKey}@nowhere`)}`), "option:serverKeys", "no HOST:PORT"],
  [curveUrl(`clientKeys=${q(`${client.publicKey},`)}`), "option:clientKeys", "entry 2"],
  [curveUrl(`clientKeysFile=${file("no-clients", "# nobody\n")}`), "option:clientKeysFile", "no key"],
])("%s is refused for what is wrong with it, and tells no secret", async (text, part, words) => {
  const error: unknown = await read(text).catch((reason) => reason);
  expect(error).toBeInstanceOf(InvalidTransportUrlError);
  expect(error).toMatchObject({ part, message: expect.stringContaining(words) });
  expect((error as Error).message).not.toContain("s3cret");
  expect((error as Error).message).not.toContain(server.secretKey);
});

test.each<Secrets>([{ password: "s3cret" }, { secretKey: server.secretKey }])(
  "secrets that a program gives are not passed over where the URL says nothing of security",
  async (secrets) => {
    await expect(read("zmq://h:7400", secrets)).rejects.toMatchObject({ part: "option:security" });
    expect(await read("zmq://h:7400?security=none", secrets)).toBeUndefined();
  },
);

test.each([
  ["Host-A:7400", "tcp://host-a:7400"],
  ["host-a:7400", "tcp://HOST-A:7400"],
  ["[0:0:0::1]:7400", "tcp://[::1]:7400"],
  ["[FE80::A]:7400", "tcp://[fe80::a]:7400"],
])("the key for %s is the one of %s, however the two are written", async (said, dialed) => {
  const keys = q(`${client.publicKey}@${said},${stranger.publicKey}`);
  const security = await curve(curveUrl(`serverKeys=${keys}`));
  expect(security.serverKeyOf(dialed)).toEqual(CLIENT.publicKey);
  expect(security.serverKeyOf("tcp://host-b:7400")).toEqual(STRANGER.publicKey);
});

test("what is secret in a URL is not shown", () => {
  const url = withOptions(parseTransportUrl(`zmq://?security=plain&user=ann&password=s3cret`), driver);
  expect(url.toString()).not.toContain("s3cret");
  const withKey = withOptions(
    parseTransportUrl(`zmq://?security=curve&secretKey=${SERVER.secretKey.toString("hex")}`),
    driver,
  );
  expect(withKey.toString()).not.toContain(SERVER.secretKey.toString("hex"));
});

test("secrets are overwritten when they are done with", async () => {
  const security = await curve(`zmq://?security=curve&secretKeyFile=${secretKeyFile}`);
  security.wipe();
  expect(security.secretKey.equals(Buffer.alloc(32))).toBe(true);
});
