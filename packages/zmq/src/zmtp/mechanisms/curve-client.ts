import { encodeCommand, readProperties } from "../commands.js";
import { KEY_BYTES, type KeyPair, type Sodium } from "../crypto/sodium.js";
import { ZmtpError } from "../zmtp-error.js";
import { COOKIE, HELLO, opened, PREFIX, READY, sealed, WELCOME } from "./curve-boxes.js";
import { LONG_NONCE_BYTES, longNonce, NonceCheck, NonceCounter, newNonce, SHORT_NONCE_BYTES } from "./curve-nonce.js";
import { CurveTraffic } from "./curve-traffic.js";
import type { Mechanism, MechanismMaker, MechanismSession } from "./mechanism.js";

export interface CurveClientKeys {
  /** This side's permanent ones. */
  readonly own: KeyPair;
  /** The permanent one of whoever is to answer. */
  readonly serverKey: Buffer;
}

/** The dialer's side of RFC 26. */
export function curveClient(sodium: Sodium, keys: CurveClientKeys): MechanismMaker {
  return { name: "CURVE", make: () => new CurveClient(sodium, keys) };
}

const UNTRUSTED = "its key is not the one that is trusted here, or what it said was changed on its way";

class CurveClient implements Mechanism {
  readonly name = "CURVE";
  readonly asServer = false;
  readonly isBeingJudged = true;
  readonly #sodium: Sodium;
  readonly #keys: CurveClientKeys;
  readonly #sent: NonceCounter = new NonceCounter();
  readonly #received: NonceCheck = new NonceCheck();
  #session: MechanismSession | undefined;
  #awaits: "WELCOME" | "READY" = "WELCOME";
  /** Of this connection alone. */
  #shortTerm: KeyPair | undefined;
  /** Between this side's short-term key and the server's permanent one; then between both short-term keys. */
  #helloKey: Buffer | undefined;
  #sessionKey: Buffer | undefined;
  #traffic: CurveTraffic | undefined;

  constructor(sodium: Sodium, keys: CurveClientKeys) {
    this.#sodium = sodium;
    this.#keys = keys;
  }

  get traffic(): CurveTraffic | undefined {
    return this.#traffic;
  }

  /** HELLO: [version, padding, C', nonce, Box [64 * %x0](C'->S)]. */
  start(session: MechanismSession): void {
    this.#session = session;
    const pair = this.#sodium.keyPair();
    this.#shortTerm = pair;
    const key = this.#sodium.sharedKey(this.#keys.serverKey, pair.secretKey);
    if (key === undefined)
      throw new ZmtpError("crypto", "the key that is trusted here is of low order: it is nobody's");
    this.#helloKey = key;
    const nonce = newNonce();
    this.#sent.next(PREFIX.hello, nonce);
    const hello = Buffer.alloc(HELLO.bytes);
    HELLO.version.copy(hello);
    pair.publicKey.copy(hello, HELLO.clientAt);
    nonce.copy(hello, HELLO.nonceAt, nonce.length - SHORT_NONCE_BYTES);
    sealed(this.#sodium, Buffer.alloc(HELLO.signatureBytes), nonce, key).copy(hello, HELLO.boxAt);
    session.transmit(encodeCommand("HELLO", hello));
  }

  onCommand(name: string, data: Buffer): boolean {
    if (name !== this.#awaits) throw new ZmtpError("handshake", `it sent another command before ${this.#awaits}`);
    if (name === "WELCOME") this.#onWelcome(data);
    else this.#onReady(data);
    return name === "READY";
  }

  /** WELCOME: [nonce, Box [S' + cookie](S->C')]. */
  #onWelcome(data: Buffer): void {
    const { own, serverKey } = this.#keys;
    const shortTerm = this.#shortTerm;
    const helloKey = this.#helloKey;
    const session = this.#session;
    if (shortTerm === undefined || helloKey === undefined || session === undefined) return;
    if (data.length !== WELCOME.bytes) throw new ZmtpError("handshake", "its WELCOME is malformed");
    const nonce = longNonce("WELCOME-", data.subarray(0, LONG_NONCE_BYTES));
    const welcome = opened(this.#sodium, data.subarray(WELCOME.boxAt), nonce, helloKey);
    if (welcome === undefined) throw new ZmtpError("denied", UNTRUSTED);
    const serverShortTerm = welcome.subarray(0, KEY_BYTES);
    const cookie = welcome.subarray(KEY_BYTES, KEY_BYTES + COOKIE.bytes);
    const sessionKey = this.#sodium.sharedKey(serverShortTerm, shortTerm.secretKey);
    const vouchKey = this.#sodium.sharedKey(serverShortTerm, own.secretKey);
    if (sessionKey === undefined || vouchKey === undefined) {
      this.#sodium.wipe(sessionKey, vouchKey);
      throw new ZmtpError("crypto", "its short-term key is of low order: it is nobody's");
    }
    this.#sessionKey = sessionKey;
    // Vouch: Box [C',S](C->S').
    const vouchNonce = this.#sodium.random(LONG_NONCE_BYTES);
    const vouched = Buffer.concat([shortTerm.publicKey, serverKey]);
    const vouch = sealed(this.#sodium, vouched, longNonce("VOUCH---", vouchNonce), vouchKey);
    this.#sodium.wipe(vouchKey, shortTerm.secretKey, helloKey);
    // INITIATE: [cookie, nonce, Box [C + vouch + metadata](C'->S')].
    const shortNonce = newNonce();
    this.#sent.next(PREFIX.initiate, shortNonce);
    const said = Buffer.concat([own.publicKey, vouchNonce, vouch, session.metadata]);
    const box = sealed(this.#sodium, said, shortNonce, sessionKey);
    const initiate = Buffer.concat([cookie, shortNonce.subarray(-SHORT_NONCE_BYTES), box]);
    this.#awaits = "READY";
    session.transmit(encodeCommand("INITIATE", initiate));
  }

  /** READY: [nonce, Box [metadata](S'->C')]. */
  #onReady(data: Buffer): void {
    const sessionKey = this.#sessionKey;
    if (sessionKey === undefined) return;
    if (data.length < READY.leastBytes) throw new ZmtpError("handshake", "its READY is malformed");
    const nonce = newNonce();
    this.#received.take(PREFIX.ready, data, 0, nonce);
    const metadata = opened(this.#sodium, data.subarray(READY.boxAt), nonce, sessionKey);
    if (metadata === undefined)
      throw new ZmtpError("crypto", "its READY cannot be opened: it was forged, or changed on its way");
    this.#session?.meet(readProperties(metadata));
    this.#traffic = new CurveTraffic(this.#sodium, "client", sessionKey, this.#sent, this.#received);
  }

  end(): void {
    this.#sodium.wipe(this.#shortTerm?.secretKey, this.#helloKey, this.#sessionKey);
    this.#traffic?.end();
  }
}
