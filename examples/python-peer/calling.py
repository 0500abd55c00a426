"""The side that calls: one DEALER for each process that is dialled, and what is under way on it."""

import collections
import secrets
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

import records as r
from wire import Malformed, Reader, Writer

MAX_BYTES = 16 * 1024 * 1024
FRAME_SLACK = 256 * 1024
HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS = 1_000, 3_000
NEVER_MS = 3_600_000
WELCOME_S = 10
PING_S = 10
MOST_ROUTES = 65_535
MOST_WANTED = 256
GONE = zmq.EVENT_CLOSED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECT_RETRIED
FAILED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH


class Listener:
    """A listener that another process advertised."""

    def __init__(self, session, advert):
        self.session, self.advert, self.tokens = session, advert, advert["credit"]
        self.number = advert["listener"]
        self.routes = {}
        self.wanted = 0

    def fits(self, exchange, topic, server):
        mine = (self.advert["kind"], self.advert["exchange"], self.advert["topic"])
        return mine == (r.RPC, exchange, topic) and server in (None, self.advert["server"])


class Session:
    """One connection to one process. When it is over it is never made again: `is_over` says so, and `why`."""

    def __init__(self, context, address, incarnation, realm, name):
        self.address = address
        self.id = secrets.token_bytes(8)
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.reconnect_ivl = NEVER_MS
        self.socket.maxmsgsize = MAX_BYTES + FRAME_SLACK
        self.socket.heartbeat_ivl, self.socket.heartbeat_timeout = HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS
        self.monitor = self.socket.get_monitor_socket(GONE | FAILED)
        self.socket.connect(address)
        self.socket.send(bytes(r.hello(self.id, realm, incarnation, name, MAX_BYTES).bytes))
        self.dialled_at = self.spoke_at = time.monotonic()
        self.listeners, self.awaited = {}, None
        self.calls, self.generations, self.free_slots = {}, [], []
        self.casts = collections.OrderedDict()
        self.sequence = self.adverts = self.noted = self.next_route = 0
        self.max_bytes = MAX_BYTES
        self.is_over, self.why = False, ""
        self.out = Writer()

    @property
    def is_ready(self):
        return not self.is_over and self.awaited is not None and self.adverts >= self.awaited

    def end(self, why):
        """Closes the socket. Returns what was under way, of which nobody knows whether it ran."""
        if self.is_over:
            return []
        self.is_over, self.why = True, why
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close()
        self.listeners.clear()
        return [*self.calls.values(), *self.casts.values()]

    def bye(self):
        if not self.is_over:
            self.out.u8(r.BYE)
            self.flush()
            self.socket.send(b"")

    # ---- What is sent

    def send(self, listener, job):
        """Uses one of the listener's tokens. Raises what the job's params raise when they cannot travel; nothing was sent then."""
        body = r.write_body(Writer(), job.params, job.context)
        if len(body.bytes) > self.max_bytes:
            raise ValueError(f"a message is larger than {self.max_bytes} bytes")
        route = self._route_to(listener, job)
        listener.tokens -= 1
        self.sequence += 1
        flags = r.HAS_CONTEXT if job.context else 0
        if job.is_call:
            job.slot = self.free_slots.pop() if self.free_slots else len(self.generations)
            if job.slot == len(self.generations):
                self.generations.append(-1)
            self.generations[job.slot] += 1
            self.calls[job.slot] = job
            flags |= r.HAS_MONITOR if job.monitor_ms else 0
            self.out.u8(r.CALL).u8(flags).number(job.slot).number(self.generations[job.slot]).number(route)
            self.out.number(max(0, round((job.deadline - time.monotonic()) * 1_000)))
            if job.monitor_ms:
                self.out.number(job.monitor_ms)
        else:
            self.casts[self.sequence] = job
            self.out.u8(r.CAST).u8(flags).number(route)
        job.session, job.heard_at = self, time.monotonic()
        self.out.raw(body.bytes)

    def _route_to(self, listener, job):
        key = (job.mode, job.namespace, job.version, job.method)
        if key not in listener.routes:
            self.next_route = self.next_route % MOST_ROUTES + 1
            for other in self.listeners.values():
                other.routes = {known: number for known, number in other.routes.items() if number != self.next_route}
            listener.routes[key] = self.next_route
            self.out.raw(r.route(self.next_route, listener.number, *key).bytes)
        return listener.routes[key]

    def cancel(self, job, reason):
        """Nobody waits for the call any more."""
        if self.calls.get(job.slot) is job:
            self.out.u8(r.CANCEL).number(job.slot).number(self.generations[job.slot]).u8(reason)
            self._free(job.slot)

    def want(self, listener, count):
        """So many messages wait for the listener's tokens."""
        count = min(count, MOST_WANTED)
        if count > listener.wanted:
            listener.wanted = count
            self.out.u8(r.WANT).number(listener.number).number(count)

    def flush(self):
        if self.is_over or not self.is_ready:
            return
        if self.noted != self.adverts:
            self.noted = self.adverts
            self.out.u8(r.NOTED).number(self.adverts)
        now = time.monotonic()
        if not self.out.bytes and now - self.spoke_at >= PING_S:
            self.out.u8(r.PING)
        if self.out.bytes:
            frame, self.out, self.spoke_at = bytes(self.out.bytes), Writer(), now
            self.socket.send(frame)

    # ---- What comes

    def turn(self):
        """Reads what has come. Yields `(job, what, value)` for what became of jobs; `end` tells what is left when it is over."""
        is_gone = False
        while self.monitor.poll(0):
            is_gone = recv_monitor_message(self.monitor) is not None
        while not self.is_over:
            try:
                frame = self.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                break
            try:
                yield from self._on_frame(frame)
            except Malformed as error:
                yield from self._lost(f"{self.address} broke the protocol: {error}")
        if is_gone:
            yield from self._lost(f"nobody is there at {self.address}, or it is gone")
        elif self.awaited is None and time.monotonic() - self.dialled_at > WELCOME_S:
            yield from self._lost(f"{self.address} said no WELCOME")

    def _lost(self, why):
        for job in self.end(why):
            yield job, "lost", why

    def _on_frame(self, frame):
        if not frame:
            self.socket.send(b"")
            yield from self._lost(f"{self.address} ended the session")
        elif self.awaited is None:
            answer = r.read_answer(frame, self.id)
            if "refusal" in answer:
                yield from self._lost(f"{self.address} refused: {answer['refusal']}: {answer['text']}")
            else:
                self.awaited, self.max_bytes = answer["listeners"], min(MAX_BYTES, answer["max_bytes"])
        else:
            reader = Reader(frame)
            while reader.has_more and not self.is_over:
                yield from self._on_record(reader, reader.u8())

    def _on_record(self, reader, kind):
        if kind == r.ADVERT:
            advert = r.read_advert(reader)
            self.adverts += 1
            self.listeners[advert["listener"]] = Listener(self, advert)
        elif kind == r.GOAWAY:
            number = reader.number()
            self.adverts += 1
            self.listeners.pop(number, None)
            self.out.u8(r.GAVE_UP).number(number)
        elif kind == r.CREDIT:
            listener, tokens = self.listeners.get(reader.number()), reader.number()
            if listener is not None:
                listener.tokens += tokens
                listener.wanted = max(0, listener.wanted - tokens)
        elif kind == r.RECLAIM:
            number, tokens = reader.number(), reader.number()
            listener = self.listeners.get(number)
            given = min(tokens, listener.tokens) if listener is not None else 0
            if listener is not None:
                listener.tokens -= given
            self.out.u8(r.RETURN).number(number).number(given)
        elif kind in (r.REPLY, r.FAIL, r.BEAT):
            yield from self._on_answer(reader, kind)
        elif kind == r.CALL_BACK:
            flags, slot, generation = r.read_flags(reader, 3), reader.number(), reader.number()
            r.read_body(reader, flags)
            job = self._find(slot, generation)
            if job is not None:
                self._free(slot)
                yield job, "again", None
        elif kind == r.CAST_BACK:
            flags, sequence = r.read_flags(reader, 3), reader.number()
            names = (reader.name(), reader.name(), reader.optional_name(), r.read_names(reader))
            params, context, _ = r.read_body(reader, flags)
            yield self.casts.pop(sequence, None), "back", (names, params, context)
        elif kind == r.ACCEPTED:
            sequence = reader.number()
            while self.casts and next(iter(self.casts)) <= sequence:
                yield self.casts.popitem(last=False)[1], "value", None
        elif kind == r.HANDLED:
            reader.number()
        elif kind == r.REFUSE:
            if reader.raw(4) != r.MAGIC:
                raise Malformed("REFUSE without this protocol's mark")
            refusal = r.read_refusal(reader)
            yield from self._lost(f"{self.address} ended the session: {refusal['refusal']}: {refusal['text']}")
        elif kind == r.BYE:
            yield from self._lost(f"{self.address} said goodbye")
        elif kind != r.PONG:
            raise Malformed(f"a record of type 0x{kind:02x}")

    def _on_answer(self, reader, kind):
        slot, generation = reader.number(), reader.number()
        found = None if kind == r.BEAT else reader.value() if kind == r.REPLY else r.read_failure(reader)
        job = self._find(slot, generation)
        if job is None:
            return  # too late: nobody waits for it
        job.heard_at = time.monotonic()
        if kind != r.BEAT:
            self._free(slot)
            yield job, "value" if kind == r.REPLY else "failure", found

    def _find(self, slot, generation):
        return self.calls.get(slot) if slot < len(self.generations) and self.generations[slot] == generation else None

    def _free(self, slot):
        del self.calls[slot]
        self.free_slots.append(slot)
