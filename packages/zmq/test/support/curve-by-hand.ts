/**
 * RFC 26 written out by hand for tests, command by command, over libsodium-wrappers' `crypto_box`: nothing here is taken from the
 * code that is tested.
 */
import sodium from "libsodium-wrappers";

await sodium.ready;

export const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);
export const short = (count: number | bigint): Buffer => {
  const nonce = Buffer.alloc(8);
  nonce.writeBigUInt64BE(BigInt(count));
  return nonce;
};

/** Box [message](from -> to), with the nonce's two parts. */
export function box(message: Buffer, prefix: string, rest: Buffer, to: Uint8Array, from: Uint8Array): Buffer {
  return Buffer.from(sodium.crypto_box_easy(message, Buffer.concat([Buffer.from(prefix), rest]), to, from));
}

export function unbox(boxed: Buffer, prefix: string, rest: Buffer, from: Uint8Array, to: Uint8Array): Buffer {
  return Buffer.from(sodium.crypto_box_open_easy(boxed, Buffer.concat([Buffer.from(prefix), rest]), from, to));
}

export function secretBox(message: Buffer, prefix: string, rest: Buffer, key: Uint8Array): Buffer {
  return Buffer.from(sodium.crypto_secretbox_easy(message, Buffer.concat([Buffer.from(prefix), rest]), key));
}

const named = (name: string, ...rest: readonly Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.of(name.length), Buffer.from(name), ...rest]);

/** Public and secret keys by their letters in the RFC: a small one is secret, a primed one short-term. */
export interface HelloParts {
  readonly shortTerm: { readonly publicKey: Buffer; readonly secretKey: Buffer };
  readonly serverKey: Buffer;
  readonly count?: number;
  readonly version?: Buffer;
  readonly padding?: Buffer;
  readonly signature?: Buffer;
  /** Said in the place of the short-term key. */
  readonly claimed?: Buffer;
}

export function helloBody(parts: HelloParts): Buffer {
  const {
    shortTerm,
    serverKey,
    count = 1,
    version = Buffer.of(1, 0),
    padding = zeros(72),
    signature = zeros(64),
  } = parts;
  const boxed = box(signature, "CurveZMQHELLO---", short(count), serverKey, shortTerm.secretKey);
  return named("HELLO", version, padding, parts.claimed ?? shortTerm.publicKey, short(count), boxed);
}

/** What a WELCOME says to the client. */
export function readWelcome(
  body: Buffer,
  shortTermSecret: Buffer,
  serverKey: Buffer,
): { serverShortTerm: Buffer; cookie: Buffer } {
  const said = unbox(body.subarray(24), "WELCOME-", body.subarray(8, 24), serverKey, shortTermSecret);
  return { serverShortTerm: said.subarray(0, 32), cookie: said.subarray(32) };
}

export interface WelcomeParts {
  readonly server: { readonly secretKey: Buffer };
  readonly serverShortTerm: Buffer;
  readonly clientShortTerm: Buffer;
  readonly cookie: Buffer;
}

export function welcomeBody({ server, serverShortTerm, clientShortTerm, cookie }: WelcomeParts): Buffer {
  const nonce = Buffer.alloc(16, 0xaa);
  const boxed = box(Buffer.concat([serverShortTerm, cookie]), "WELCOME-", nonce, clientShortTerm, server.secretKey);
  return named("WELCOME", nonce, boxed);
}

export interface InitiateParts {
  readonly shortTerm: { readonly publicKey: Buffer; readonly secretKey: Buffer };
  readonly client: { readonly publicKey: Buffer; readonly secretKey: Buffer };
  readonly serverKey: Buffer;
  readonly serverShortTerm: Buffer;
  readonly cookie: Buffer;
  readonly metadata: Buffer;
  readonly count?: number;
  /** Said in the place of the client's key. */
  readonly claimed?: Buffer;
  /** What the vouch says, and with whose key it is made. */
  readonly vouched?: Buffer;
  readonly vouchSecret?: Buffer;
}

export function initiateBody(parts: InitiateParts): Buffer {
  const { shortTerm, client, serverKey, serverShortTerm, cookie, metadata, count = 2 } = parts;
  const vouched = parts.vouched ?? Buffer.concat([shortTerm.publicKey, serverKey]);
  const vouchNonce = Buffer.alloc(16, 0xbb);
  const vouch = box(vouched, "VOUCH---", vouchNonce, serverShortTerm, parts.vouchSecret ?? client.secretKey);
  const said = Buffer.concat([parts.claimed ?? client.publicKey, vouchNonce, vouch, metadata]);
  const boxed = box(said, "CurveZMQINITIATE", short(count), serverShortTerm, shortTerm.secretKey);
  return named("INITIATE", cookie, short(count), boxed);
}

export function readyBody(
  metadata: Buffer,
  count: number,
  clientShortTerm: Buffer,
  serverShortTermSecret: Buffer,
): Buffer {
  return named(
    "READY",
    short(count),
    box(metadata, "CurveZMQREADY---", short(count), clientShortTerm, serverShortTermSecret),
  );
}

export function messageBody(
  flags: number,
  payload: string | Buffer,
  count: number,
  side: "C" | "S",
  to: Uint8Array,
  from: Uint8Array,
): Buffer {
  const said = Buffer.concat([Buffer.of(flags), Buffer.from(payload as string)]);
  return named("MESSAGE", short(count), box(said, `CurveZMQMESSAGE${side}`, short(count), to, from));
}

/** A frame of a command, whose body has its name. */
export function commandFrame(body: Buffer): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.of(4, body.length), body]);
  return Buffer.concat([Buffer.of(6), short(body.length), body]);
}

export function messageFrame(body: Buffer, flags = 0): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.of(flags, body.length), body]);
  return Buffer.concat([Buffer.of(flags | 2), short(body.length), body]);
}

/** The bodies of whole frames, one behind the other. */
export function bodiesOf(bytes: Buffer): Buffer[] {
  const bodies: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const isLong = ((bytes[at] ?? 0) & 2) !== 0;
    const size = isLong ? Number(bytes.readBigUInt64BE(at + 1)) : (bytes[at + 1] ?? 0);
    const bodyAt = at + (isLong ? 9 : 2);
    bodies.push(bytes.subarray(bodyAt, bodyAt + size));
    at = bodyAt + size;
  }
  return bodies;
}
