/** Messages in one pipe. Batches of 64 KiB, mostly: a peer that stopped holds two megabytes of them here, and no more. */
export const SEND_HIGH_WATER_MARK = 32;
/**
 * No bound: libzmq 4.3.5 aborts the process (`!_io_error`) where a peer vanishes whose pipe is full when the next heartbeat is
 * due. What a peer may send is bounded by credit above.
 */
export const RECEIVE_HIGH_WATER_MARK = 0;
