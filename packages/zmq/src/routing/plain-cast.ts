import type { MessagingError, Receipt, SendHandle, WaitState } from "@trunkline/core/driver";
import type { RemoteListener } from "../link/remote-listener.js";
import type { Line } from "./line.js";
import type { MethodKey } from "./method-key.js";
import { OutgoingCast, type SendOwner } from "./outgoing.js";

const ONE: Receipt = Object.freeze({ accepted: 1, lost: 0 });

/** A cast to one server, its caller's promise, and the handle to give it up, in one object: the common case is the cheap one. */
export class PlainCast extends OutgoingCast implements SendHandle {
  readonly #resolve: (receipt: Receipt) => void;
  readonly #reject: (error: MessagingError) => void;

  constructor(
    line: Line,
    key: MethodKey,
    resolve: (receipt: Receipt) => void,
    reject: (error: MessagingError) => void,
  ) {
    super(line, key, NOBODY);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  override write(listener: RemoteListener): void {
    listener.link.sendCast(listener, this, undefined);
  }

  override accept(): void {
    if (this.state === "settled") return;
    this.state = "settled";
    this.#resolve(ONE);
  }

  override fail(error: MessagingError): void {
    if (this.state === "settled") return;
    this.state = "settled";
    this.#reject(error);
  }

  cancel(toError: (wait: WaitState) => MessagingError): void {
    if (this.state === "settled") return;
    this.#reject(toError(this.abandon()));
  }
}

/** It is its own owner. */
const NOBODY: SendOwner = { accepted() {}, failed() {} };
