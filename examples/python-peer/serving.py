"""The side that is called: one ROUTER, the sessions that others made to it, and the endpoint that answers."""

import concurrent.futures
import secrets
import socket
import time

import zmq

import records as r
from handling import outcome
from wire import Malformed, Reader, Writer

MAX_BYTES = 16 * 1024 * 1024
FRAME_SLACK = 256 * 1024
HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS = 1_000, 3_000
TOKENS = 16
SILENT_S = 60
GAVE_UP_S = 1
LAST_WORDS_S = 0.2


class Session:
    """What is known of one dialer."""

    def __init__(self, routing_id):
        self.routing_id = routing_id
        self.is_greeted = False
        self.has_given_up = False
        self.heard_at = time.monotonic()
        self.routes = {}
        self.calls = {}
        self.tokens = TOKENS
        self.received = self.handled = 0
        self.max_bytes = MAX_BYTES
        self.out = Writer()


class Running:
    """A call or a cast that a handler works on."""

    def __init__(self, session, slot=None, generation=None, monitor_ms=None):
        self.session, self.slot, self.generation, self.is_cancelled = session, slot, generation, False
        self.beat_every = monitor_ms and monitor_ms / 2_000
        self.beat_at = time.monotonic() + (self.beat_every or 0)


class Server:
    """Serves the methods of `endpoint` that begin with no underscore. Each is given params and context, as dicts.

    `listen` binds; `run` answers until `stop` was called from any thread, and then stops in order: what was begun is finished.
    """

    def __init__(self, endpoint, topic, server, exchange="default", realm="", threads=4):
        self.endpoint, self.topic, self.server, self.exchange, self.realm = endpoint, topic, server, exchange, realm
        self.incarnation = secrets.token_hex(8)
        self.handlers = concurrent.futures.ThreadPoolExecutor(threads)
        self.sessions = {}
        self.listener, self.is_stopping = 1, False
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.linger = 0
        self.router.router_mandatory = True
        self.router.maxmsgsize = MAX_BYTES + FRAME_SLACK
        self.router.heartbeat_ivl, self.router.heartbeat_timeout = HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS
        # A byte here wakes the loop: a handler has ended, or the server is to stop.
        self.wake_in, self.wake_out = socket.socketpair()
        self.wake_in.setblocking(False)
        self.done = []
        self.running = set()
        self.must_stop = False

    def listen(self, address):
        """Binds, and says where: `tcp://127.0.0.1:*` gets a port."""
        self.router.bind(address)
        return self.router.last_endpoint.decode().rstrip("\0")

    def stop(self):
        self.must_stop = True
        self.wake_out.send(b"!")

    def run(self):
        poller = zmq.Poller()
        poller.register(self.router, zmq.POLLIN)
        poller.register(self.wake_in, zmq.POLLIN)
        while not self.must_stop:
            self._turn(poller)
        self._goaway()
        until = time.monotonic() + GAVE_UP_S
        while time.monotonic() < until and not all(one.has_given_up for one in self._greeted()):
            self._turn(poller)
        while self.running:
            self._turn(poller)
        for session in self._greeted():
            session.out.u8(r.BYE)
            self._flush(session)
            # A ROUTER cannot close one connection; this tells the other side to.
            self._send(session, b"")
        time.sleep(LAST_WORDS_S)
        self.handlers.shutdown()
        self.router.close()
        self.context.term()

    def _greeted(self):
        return [session for session in self.sessions.values() if session.is_greeted]

    def _turn(self, poller):
        """Waits for something to do, does it, and sends what that led to."""
        poller.poll(self._wait_ms())
        try:
            for _ in range(256):
                self._on_message(*self.router.recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            pass
        try:
            self.wake_in.recv(4_096)
        except BlockingIOError:
            pass
        while self.done:
            self._settle(*self.done.pop(0))
        now = time.monotonic()
        for work in self.running:
            if work.beat_every and now >= work.beat_at and not work.is_cancelled:
                work.beat_at = now + work.beat_every
                work.session.out.u8(r.BEAT).number(work.slot).number(work.generation)
        for session in list(self.sessions.values()):
            self._flush(session)
            if now - session.heard_at > SILENT_S:
                self._end(session)

    def _wait_ms(self):
        beats = [work.beat_at - time.monotonic() for work in self.running if work.beat_every and not work.is_cancelled]
        return max(0, min([1, *beats])) * 1_000

    def _send(self, session, frame):
        try:
            self.router.send_multipart([session.routing_id, frame], zmq.NOBLOCK)
        except zmq.ZMQError:  # EHOSTUNREACH: it is gone. EAGAIN: it does not read, and there is no end of what it asks for.
            self._end(session)

    def _flush(self, session):
        if session.out.bytes:
            frame, session.out = bytes(session.out.bytes), Writer()
            self._send(session, frame)

    def _end(self, session):
        self.sessions.pop(session.routing_id, None)
        for work in session.calls.values():
            work.is_cancelled = True

    def _refuse(self, session, code, text):
        self._send(session, bytes(r.refuse(code, text).bytes))
        self._send(session, b"")
        self._end(session)

    # ---- What comes

    def _on_message(self, routing_id, *frames):
        session = self.sessions.get(routing_id)
        if len(frames) != 1 or not frames[0]:
            if session is not None:
                self._send(session, b"")
                self._end(session)
            return
        if session is None:
            if frames[0][0] != r.HELLO:
                return  # a rest of a session that is over
            session = self.sessions[routing_id] = Session(routing_id)
        session.heard_at = time.monotonic()
        try:
            if session.is_greeted:
                self._read(session, Reader(frames[0]))
            else:
                self._greet(session, r.read_hello(frames[0]))
        except Malformed as error:
            self._refuse(session, "protocol", str(error))

    def _greet(self, session, hello):
        if self.must_stop:
            return self._refuse(session, "closing", "this process is closing")
        if not hello["lowest"] <= r.VERSION <= hello["highest"]:
            return self._refuse(session, "version", f"this process speaks version {r.VERSION}")
        if hello["realm"] != self.realm:
            return self._refuse(session, "realm", f"this process is in realm {self.realm!r}")
        if hello["incarnation"] not in ("", self.incarnation):
            return self._refuse(session, "incarnation", "another process listens here now")
        session.is_greeted = True
        session.max_bytes = min(MAX_BYTES, hello["max_bytes"])
        name = f"{socket.gethostname()}/{self.server}"
        self._send(session, bytes(r.welcome(hello["session"], self.incarnation, name, MAX_BYTES, 1).bytes))
        session.out.raw(r.advert(self.listener, self.exchange, self.topic, self.server, TOKENS).bytes)

    def _read(self, session, reader):
        while reader.has_more and self.sessions.get(session.routing_id) is session:
            kind = reader.u8()
            if kind == r.ROUTE:
                number, listener = reader.number(), reader.number()
                if not 1 <= number <= 65_535 or listener != self.listener:
                    raise Malformed("a route out of bounds, or to a listener that was not advertised")
                session.routes[number] = r.read_names(reader)
            elif kind in (r.CALL, r.CAST):
                self._on_request(session, reader, kind)
            elif kind == r.CANCEL:
                slot, generation, _ = reader.number(), reader.number(), reader.u8()
                work = session.calls.get(slot)
                if work is not None and work.generation == generation:
                    work.is_cancelled = True
            elif kind == r.PING:
                session.out.u8(r.PONG)
            elif kind == r.GAVE_UP:
                session.has_given_up = reader.number() == self.listener and self.is_stopping
            elif kind == r.NOTED:
                reader.number()
            elif kind in (r.WANT, r.RETURN):
                # Each session keeps the tokens that it was given, so that nobody waits for those of another.
                reader.number(), reader.number()
            elif kind == r.BYE:
                self._send(session, b"")
                self._end(session)
            else:
                raise Malformed(f"a record of type 0x{kind:02x}")

    def _on_request(self, session, reader, kind):
        is_call = kind == r.CALL
        flags = r.read_flags(reader, r.HAS_CONTEXT | r.HAS_HEADERS | (r.HAS_MONITOR if is_call else 0))
        slot, generation = (reader.number(), reader.number()) if is_call else (None, None)
        names = session.routes.get(reader.number())
        if names is None:
            raise Malformed("an undefined route")
        if is_call:
            reader.number()  # what is left of the caller's time: it says CANCEL when that is over
        monitor_ms = reader.number() if flags & r.HAS_MONITOR else None
        start = reader.position
        params, context, _ = r.read_body(reader, flags)
        body = reader.bytes[start : reader.position]
        session.received += 1
        if self.is_stopping:
            return self._give_back(session, flags & ~r.HAS_MONITOR, slot, generation, names, body)
        if session.tokens == 0:
            raise Malformed("a message without credit")
        session.tokens -= 1
        work = Running(session, slot, generation, monitor_ms)
        if is_call:
            if slot in session.calls and not session.calls[slot].is_cancelled:
                raise Malformed("a slot in use")
            session.calls[slot] = work
        else:
            session.out.u8(r.ACCEPTED).number(session.received)
        self.running.add(work)
        self.handlers.submit(self._handle, work, names, params, context)

    def _give_back(self, session, flags, slot, generation, names, body):
        if slot is not None:
            session.out.u8(r.CALL_BACK).u8(flags).number(slot).number(generation).raw(body)
            return
        session.out.u8(r.ACCEPTED).number(session.received)
        if names["mode"] != r.FANOUT:
            server = self.server if names["mode"] == r.TO_SERVER else None
            back = r.cast_back(flags, session.received, self.exchange, self.topic, server, names, body)
            session.out.raw(back.bytes)
        session.handled += 1
        session.out.u8(r.HANDLED).number(session.handled)

    def _goaway(self):
        self.is_stopping = True
        for session in self._greeted():
            session.out.u8(r.GOAWAY).number(self.listener)
            self._flush(session)

    # ---- What handlers do

    def _handle(self, work, names, params, context):
        """In a thread of its own: makes the record that answers, or None for a cast."""
        answer = None
        try:
            answer = outcome(self.endpoint, work, names, params, context)
        finally:
            self.done.append((work, answer))
            self.wake_out.send(b".")

    def _settle(self, work, answer):
        session = work.session
        self.running.discard(work)
        if work.slot is None:
            session.handled += 1
            session.out.u8(r.HANDLED).number(session.handled)
        else:
            if session.calls.get(work.slot) is work:
                del session.calls[work.slot]
            if not work.is_cancelled:
                session.out.raw(answer.bytes)
        session.tokens += 1
        session.out.u8(r.CREDIT).number(self.listener).number(1)
