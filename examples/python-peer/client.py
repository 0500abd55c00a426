"""Calls, casts and fanouts to whoever serves a topic, over sessions that one thread of this object keeps."""

import concurrent.futures
import os
import socket
import threading
import time

import zmq

import records as r
from calling import Session

DISCOVERY_S = 1
REDIAL_S = 0.5
LAST_WORDS_S = 0.2
ABORTED, DEADLINE, CLOSED = range(3)


class Unreachable(Exception):
    """Nobody serves that. Nothing was sent."""


class Lost(Exception):
    """The session ended with the message under way. It may have run."""


class RemoteError(Exception):
    """The server failed. `type`, `module`, `details` and `stack` are what it says of itself."""

    def __init__(self, failure):
        super().__init__(f"{failure['type']}: {failure['message']}")
        self.type, self.module = failure["type"], failure.get("module")
        self.details, self.stack = failure.get("details"), failure.get("stack")


class Job:
    """A message, until it is known what became of it."""

    def __init__(self, exchange, topic, method, params, **more):
        self.exchange, self.topic, self.method, self.params = exchange, topic, method, params
        self.is_call = more.get("is_call", False)
        self.context, self.server = more.get("context") or {}, more.get("server")
        self.mode = more.get("mode", r.TO_TOPIC if self.server is None else r.TO_SERVER)
        self.namespace, self.version = more.get("namespace"), more.get("version")
        self.monitor_ms = more.get("monitor_ms")
        self.begun = time.monotonic()
        self.deadline = self.begun + more.get("timeout", 60)
        self.session, self.slot, self.heard_at = None, None, self.begun
        self.future = concurrent.futures.Future()


class Client:
    """`peers`: addresses to dial, such as `tcp://127.0.0.1:7400`; else `directory` says who is there (directory.py)."""

    def __init__(self, peers=(), directory=None, realm="", exchange="default"):
        self.peers, self.directory, self.realm, self.exchange = tuple(peers), directory, realm, exchange
        self.name = f"{socket.gethostname()}/{os.getpid()}"
        self.context = zmq.Context()
        self.sessions, self.dialled_at = {}, {}
        self.fresh, self.waiting, self.under_way = [], [], set()
        self.is_closing, self.closed_at = False, 0
        self.wake_in, self.wake_out = socket.socketpair()
        self.wake_in.setblocking(False)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def call(self, topic, method, params, **more):
        """What the method gives back. Raises RemoteError, Unreachable, Lost, TimeoutError; ValueError, TypeError: it cannot travel.

        `server`, `context`, `namespace`, `version`, `timeout` (seconds, 60) and `monitor_ms` are optional.
        """
        return self._submit(Job(self.exchange, topic, method, params, is_call=True, **more)).result()

    def cast(self, topic, method, params, **more):
        """Returns when a server's process has it. As `call` otherwise."""
        self._submit(Job(self.exchange, topic, method, params, **more)).result()

    def fanout(self, topic, method, params, **more):
        """To each server of the topic; returns how many have it."""
        job = Job(self.exchange, topic, method, params, mode=r.FANOUT, **more)
        return len([part.result() for part in self._submit(job).result()])

    def close(self):
        """What is under way is waited for; what waits for a server is given up."""
        self.is_closing = True
        self.wake_out.send(b"!")
        self.thread.join()

    def _submit(self, job):
        if self.is_closing:
            raise Unreachable("the client is closed")
        self.fresh.append(job)
        self.wake_out.send(b".")
        return job.future

    # ---- The thread

    def _run(self):
        while not self.is_closing or self.under_way or self.fresh:
            self._turn()
        for job in self.waiting:
            job.future.set_exception(Unreachable("the client is closed"))
        for session in self.sessions.values():
            session.bye()
        until = time.monotonic() + LAST_WORDS_S
        while time.monotonic() < until and any(not session.is_over for session in self.sessions.values()):
            self._hear()
            time.sleep(0.005)
        for session in self.sessions.values():
            session.end("closed")
        self.context.term()

    def _turn(self):
        poller = zmq.Poller()
        poller.register(self.wake_in, zmq.POLLIN)
        for session in self.sessions.values():
            poller.register(session.socket, zmq.POLLIN)
            poller.register(session.monitor, zmq.POLLIN)
        poller.poll(20 if self.waiting else 100)
        try:
            self.wake_in.recv(4_096)
        except BlockingIOError:
            pass
        for address in self.peers:
            self._dial(address, "")
        while self.fresh:
            self.waiting.append(self.fresh.pop(0))
        self._hear()
        waiting, self.waiting = self.waiting, []
        for job in waiting:
            self._place(job)
        self._watch()
        for session in self.sessions.values():
            session.flush()

    def _hear(self):
        for session in list(self.sessions.values()):
            for job, what, value in session.turn():
                self._tell(job, what, value)
            if session.is_over:
                self.sessions.pop(session.address, None)

    def _tell(self, job, what, value):
        self.under_way.discard(job)
        if what == "back":
            self._again(job, *value)
        elif what == "again":
            self.waiting.append(job)
        elif what == "failure":
            job.future.set_exception(RemoteError(value))
        elif what == "lost":
            job.future.set_exception(Lost(f"{value}; it may have run"))
        else:
            job.future.set_result(value)

    def _again(self, job, names, params, context):
        """A cast came back, perhaps after it was accepted: it goes to another server."""
        exchange, topic, server, route = names
        if job is None:
            job = Job(exchange, topic, route["method"], params, context=context, server=server)
            job.namespace, job.version = route["namespace"], route["version"]
        self.waiting.append(job)

    def _dial(self, address, incarnation):
        now = time.monotonic()
        if address in self.sessions or now - self.dialled_at.get(address, 0) < REDIAL_S:
            return
        self.dialled_at[address] = now
        self.sessions[address] = Session(self.context, address, incarnation, self.realm, self.name)

    def _place(self, job):
        """Sends the job, or lets it wait; fails it where nobody is there."""
        now = time.monotonic()
        if now >= job.deadline:
            job.future.set_exception(TimeoutError(f"{job.method} was not sent in time"))
            return
        if self.directory is not None:
            for record in self.directory.lookup(self.realm, job.exchange, job.topic):
                self._dial(record["address"], record["incarnation"])
        listeners = [one for session in self.sessions.values() if session.is_ready for one in session.listeners.values()]
        fitting = [one for one in listeners if one.fits(job.exchange, job.topic, job.server)]
        are_all_heard = all(session.is_ready for session in self.sessions.values())
        if job.mode == r.FANOUT and job.server is None:
            if now - job.begun < DISCOVERY_S and not (fitting and are_all_heard):
                self.waiting.append(job)
            else:
                self._spread(job, fitting)
            return
        free = [one for one in fitting if one.tokens > 0]
        if free:
            self._send(job, min(free, key=lambda one: (len(one.session.calls), -one.tokens)))
        elif fitting or now - job.begun < DISCOVERY_S:
            self.waiting.append(job)
            for listener in fitting:
                listener.session.want(listener, len(self.waiting))
        else:
            job.future.set_exception(Unreachable(f"nobody serves topic {job.topic!r}, server {job.server!r}"))

    def _spread(self, job, listeners):
        """A part of its own for each listener."""
        parts = []
        for listener in listeners:
            server = listener.advert["server"]
            part = Job(job.exchange, job.topic, job.method, job.params, context=job.context, server=server, mode=r.FANOUT)
            part.namespace, part.version, part.deadline = job.namespace, job.version, job.deadline
            parts.append(part)
        job.future.set_result([part.future for part in parts])
        self.waiting += parts

    def _send(self, job, listener):
        try:
            listener.session.send(listener, job)
        except Exception as error:  # it cannot travel: that is for whoever sends it
            job.future.set_exception(error)
        else:
            self.under_way.add(job)

    def _watch(self):
        """What takes too long is told."""
        now = time.monotonic()
        for job in [job for job in self.under_way if job.is_call]:
            is_silent = job.monitor_ms and now - job.heard_at > job.monitor_ms / 1_000
            if now >= job.deadline or is_silent:
                job.session.cancel(job, DEADLINE)
                self.under_way.discard(job)
                why = "the server gave no sign of life" if is_silent else "no answer came in time"
                job.future.set_exception(TimeoutError(f"{job.method}: {why}; it may have run"))
