import { encodeCommand, encodeError, readProperties } from "../commands.js";
import { KEY_BYTES, type KeyPair, type Sodium } from "../crypto/sodium.js";
import { ZmtpError } from "../zmtp-error.js";
import { COOKIE, HELLO, INITIATE, opened, PREFIX, sealed, VOUCH } from "./curve-boxes.js";
import { LONG_NONCE_BYTES, longNonce, NonceCheck, NonceCounter, newNonce, SHORT_NONCE_BYTES } from "./curve-nonce.js";
import { CurveTraffic } from "./curve-traffic.js";
import type { Mechanism, MechanismMaker, MechanismSession } from "./mechanism.js";
import { DENIED } from "./plain-mechanism.js";

export interface CurveServerKeys {
  /** This side's permanent ones. */
  readonly own: KeyPair;
  /** Whether who has the secret key of this public one may come in. */
  isAllowed(clientKey: Buffer): boolean;
}

/** The listener's side of RFC 26. */
export function curveServer(sodium: Sodium, keys: CurveServerKeys): MechanismMaker {
  return { name: "CURVE", make: () => new CurveServer(sodium, keys) };
}

/** What a client's HELLO shows is no more than that it knows this side's key: nothing of it is kept but what is in the cookie. */
class CurveServer implements Mechanism {
  readonly name = "CURVE";
  readonly asServer = true;
  readonly isBeingJudged = false;
  readonly #sodium: Sodium;
  readonly #keys: CurveServerKeys;
  readonly #sent: NonceCounter = new NonceCounter();
  readonly #received: NonceCheck = new NonceCheck();
  #session: MechanismSession | undefined;
  #awaits: "HELLO" | "INITIATE" = "HELLO";
  /** Of one cookie, from WELCOME to INITIATE. */
  #cookieKey: Buffer | undefined;
  #traffic: CurveTraffic | undefined;

  constructor(sodium: Sodium, keys: CurveServerKeys) {
    this.#sodium = sodium;
    this.#keys = keys;
  }

  get traffic(): CurveTraffic | undefined {
    return this.#traffic;
  }

  start(session: MechanismSession): void {
    this.#session = session;
  }

  onCommand(name: string, data: Buffer): boolean {
    if (name !== this.#awaits) throw new ZmtpError("handshake", `it sent another command before ${this.#awaits}`);
    if (name === "HELLO") this.#onHello(data);
    else this.#onInitiate(data);
    return name === "INITIATE";
  }

  /** HELLO: [version, padding, C', nonce, Box [64 * %x0](C'->S)]. */
  #onHello(data: Buffer): void {
    const isWellFormed =
      data.length === HELLO.bytes &&
      data.subarray(0, HELLO.paddingAt).equals(HELLO.version) &&
      isZero(data.subarray(HELLO.paddingAt, HELLO.clientAt));
    if (!isWellFormed) throw new ZmtpError("handshake", "its HELLO is malformed");
    const clientShortTerm = data.subarray(HELLO.clientAt, HELLO.clientAt + KEY_BYTES);
    const helloKey = this.#sodium.sharedKey(clientShortTerm, this.#keys.own.secretKey);
    if (helloKey === undefined) throw new ZmtpError("crypto", "its short-term key is of low order: it is nobody's");
    try {
      const nonce = newNonce();
      this.#received.take(PREFIX.hello, data, HELLO.nonceAt, nonce);
      const signature = opened(this.#sodium, data.subarray(HELLO.boxAt), nonce, helloKey);
      if (signature === undefined || !isZero(signature)) {
        throw new ZmtpError("crypto", "its HELLO cannot be opened: it was meant for another key than this side's");
      }
      this.#welcome(clientShortTerm, helloKey);
    } finally {
      this.#sodium.wipe(helloKey);
    }
  }

  /** WELCOME: [nonce, Box [S' + cookie](S->C')], with the cookie [nonce, Box [C' + s'](K)]. */
  #welcome(clientShortTerm: Buffer, helloKey: Buffer): void {
    const shortTerm = this.#sodium.keyPair();
    const cookieKey = this.#sodium.random(KEY_BYTES);
    this.#cookieKey = cookieKey;
    const cookieNonce = this.#sodium.random(LONG_NONCE_BYTES);
    const kept = Buffer.concat([clientShortTerm, shortTerm.secretKey]);
    const cookie = sealed(this.#sodium, kept, longNonce("COOKIE--", cookieNonce), cookieKey);
    this.#sodium.wipe(kept, shortTerm.secretKey);
    const welcomeNonce = this.#sodium.random(LONG_NONCE_BYTES);
    const said = Buffer.concat([shortTerm.publicKey, cookieNonce, cookie]);
    const box = sealed(this.#sodium, said, longNonce("WELCOME-", welcomeNonce), helloKey);
    this.#awaits = "INITIATE";
    this.#session?.transmit(encodeCommand("WELCOME", Buffer.concat([welcomeNonce, box])));
  }

  /** INITIATE: [cookie, nonce, Box [C + vouch + metadata](C'->S')]. */
  #onInitiate(data: Buffer): void {
    const cookieKey = this.#cookieKey;
    if (cookieKey === undefined) return;
    if (data.length < INITIATE.leastBytes) throw new ZmtpError("handshake", "its INITIATE is malformed");
    const cookieNonce = longNonce("COOKIE--", data.subarray(0, LONG_NONCE_BYTES));
    const kept = opened(this.#sodium, data.subarray(COOKIE.boxAt, COOKIE.bytes), cookieNonce, cookieKey);
    this.#sodium.wipe(cookieKey);
    if (kept === undefined) throw new ZmtpError("crypto", "its cookie is not the one that it was given");
    const clientShortTerm = kept.subarray(0, KEY_BYTES);
    const shortTermSecret = kept.subarray(KEY_BYTES);
    let sessionKey: Buffer | undefined;
    try {
      sessionKey = this.#sodium.sharedKey(clientShortTerm, shortTermSecret);
      if (sessionKey === undefined) throw new ZmtpError("crypto", "its short-term key is of low order: it is nobody's");
      const nonce = newNonce();
      this.#received.take(PREFIX.initiate, data, INITIATE.nonceAt, nonce);
      const said = opened(this.#sodium, data.subarray(INITIATE.boxAt), nonce, sessionKey);
      if (said === undefined)
        throw new ZmtpError("crypto", "its INITIATE cannot be opened: it was forged, or changed on its way");
      this.#authenticate(said, clientShortTerm, shortTermSecret);
      this.#session?.meet(readProperties(said.subarray(INITIATE.metadataAt)));
      this.#ready(sessionKey);
    } finally {
      this.#sodium.wipe(kept);
      if (this.#traffic === undefined) this.#sodium.wipe(sessionKey);
    }
  }

  /** That it has the secret key of the public one that it names, and meant this side: its vouch is Box [C',S](C->S'). */
  #authenticate(said: Buffer, clientShortTerm: Buffer, shortTermSecret: Buffer): void {
    const clientKey = said.subarray(0, KEY_BYTES);
    const vouch = said.subarray(INITIATE.vouchAt, INITIATE.vouchAt + VOUCH.bytes);
    const vouchKey = this.#sodium.sharedKey(clientKey, shortTermSecret);
    if (vouchKey === undefined) throw new ZmtpError("crypto", "its key is of low order: it is nobody's");
    const nonce = longNonce("VOUCH---", vouch.subarray(0, LONG_NONCE_BYTES));
    const vouched = opened(this.#sodium, vouch.subarray(VOUCH.boxAt), nonce, vouchKey);
    this.#sodium.wipe(vouchKey);
    const meant = Buffer.concat([clientShortTerm, this.#keys.own.publicKey]);
    if (vouched === undefined || !vouched.equals(meant)) {
      throw new ZmtpError(
        "crypto",
        "its vouch is not that of the key that it names, or was made for another connection",
      );
    }
    if (this.#keys.isAllowed(clientKey)) return;
    this.#session?.transmit(encodeError(DENIED));
    throw new ZmtpError("denied", "its key is not among those that are let in");
  }

  /** READY: [nonce, Box [metadata](S'->C')]. */
  #ready(sessionKey: Buffer): void {
    const session = this.#session;
    if (session === undefined) return;
    const nonce = newNonce();
    this.#sent.next(PREFIX.ready, nonce);
    const box = sealed(this.#sodium, session.metadata, nonce, sessionKey);
    this.#traffic = new CurveTraffic(this.#sodium, "server", sessionKey, this.#sent, this.#received);
    session.transmit(encodeCommand("READY", Buffer.concat([nonce.subarray(-SHORT_NONCE_BYTES), box])));
  }

  end(): void {
    this.#sodium.wipe(this.#cookieKey);
    this.#traffic?.end();
  }
}

/** Of public bytes. */
function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
