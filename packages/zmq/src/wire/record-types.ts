/**
 * The first byte of each record of protocol version 1 (`docs/protocol-zmq.md`). A number is never given to another record.
 *
 * Requests go from the dialer of a link to its listener, responses the other way.
 */

/** Alone in its frame: a dialer's first, and the answers to it. */
export const HELLO = 0x01;
export const WELCOME = 0x02;
export const REFUSE = 0x03;
/** Either side: it sends nothing more. */
export const BYE = 0x04;
/** Either side: keys of objects that are known by a number from here on. */
export const SHAPE = 0x05;

export const ROUTE = 0x10;
export const CALL = 0x11;
export const CAST = 0x12;
export const EVENT = 0x13;
export const CANCEL = 0x14;
export const WANT = 0x15;
export const RETURN = 0x16;
export const GAVE_UP = 0x17;
export const PING = 0x18;
export const NOTED = 0x19;

export const ADVERT = 0x20;
export const GOAWAY = 0x21;
export const REPLY = 0x22;
export const FAIL = 0x23;
export const BEAT = 0x24;
/** Reserved for streaming; a peer that sends it in version 1 is cut. */
export const ITEM = 0x25;
export const CALL_BACK = 0x26;
export const CAST_BACK = 0x27;
export const EVENT_BACK = 0x28;
export const REQUEUE = 0x29;
export const ACCEPTED = 0x2a;
export const HANDLED = 0x2b;
export const CREDIT = 0x2c;
export const RECLAIM = 0x2d;
export const PONG = 0x2e;

/** Flags of a message record: what follows its params or payload. */
export const HAS_CONTEXT = 1;
export const HAS_HEADERS = 2;
/** Of a CALL: a monitor time follows its timeout. */
export const HAS_MONITOR = 4;
