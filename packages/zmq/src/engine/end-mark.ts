/**
 * Says that this side is done with the link, where libzmq has no other way: a ROUTER cannot cut one peer, and one without
 * draft options does not hear of departures. No other frame is empty.
 */
export const END_MARK: Uint8Array = new Uint8Array(0);
