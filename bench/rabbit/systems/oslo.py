"""oslo.messaging as its documentation writes it, in its default configuration: the worker of the bench in Python.

python3 oslo.py server|client URL NAME, or `python3 oslo.py check`, which prints the version or fails. See worker.mjs, whose
questions it answers: one JSON line in, one out, over file descriptor 3.
"""
import json
import os
import resource
import signal
import socket
import sys
import threading
import time

import oslo_messaging
from oslo_config import cfg


def monotonic_ms():
    return time.monotonic() * 1000


def cpu_us():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return round((usage.ru_utime + usage.ru_stime) * 1e6)


class HandledCount:
    """Counts what was handled, and says when it was so much."""

    def __init__(self):
        self._count = 0
        self._changed = threading.Condition()

    def add(self):
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def until(self, count):
        with self._changed:
            self._changed.wait_for(lambda: self._count >= count)
            return monotonic_ms()


class Endpoint:
    def __init__(self, casts):
        self._casts = casts

    def echo(self, ctxt, **params):
        return params

    def note(self, ctxt, **params):
        self._casts.add()


def transport_of(url):
    return oslo_messaging.get_rpc_transport(cfg.CONF, url=url.replace("amqp://", "rabbit://", 1))


def serve(url, name):
    casts = HandledCount()
    target = oslo_messaging.Target(topic=name, server="one")
    server = oslo_messaging.get_rpc_server(transport_of(url), target, [Endpoint(casts)], executor="threading")
    server.start()

    def answer(question):
        if question["do"] == "handled":
            return {"atMs": casts.until(question["count"])}
        return {"cpuUs": cpu_us()}

    return answer


def connect(url, name):
    client = oslo_messaging.get_rpc_client(transport_of(url), oslo_messaging.Target(topic=name))
    operations = {
        "call": lambda params: client.call({}, "echo", **params),
        "cast": lambda params: client.cast({}, "note", **params),
    }

    def answer(question):
        cell = question["cell"]
        return measure(operations[cell["operation"]], cell["inFlight"], question["sample"], question["ms"])

    return answer


def measure(operation, in_flight, sample, ms):
    """As many threads as may be in flight, each with one operation at a time, until the time is up."""
    latencies, failures = [], []
    started = {}

    def begin():
        started["cpu"], started["ms"] = cpu_us(), monotonic_ms()

    # The clock starts when every thread is there.
    barrier = threading.Barrier(in_flight, action=begin)

    def caller():
        own = []
        try:
            barrier.wait()
            end = started["ms"] + ms
            params = dict(sample)
            while True:
                before = monotonic_ms()
                if before >= end:
                    break
                params["id"] += 1
                operation(params)
                own.append(monotonic_ms() - before)
        except Exception as error:
            failures.append(error)
        latencies.extend(own)

    threads = [threading.Thread(target=caller, daemon=True) for _ in range(in_flight)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = monotonic_ms() - started["ms"]
    if failures:
        raise failures[0]
    latencies.sort()
    return {
        "count": len(latencies),
        "ms": elapsed,
        "p50": percentile(latencies, 0.5),
        "p99": percentile(latencies, 0.99),
        "startedMs": started["ms"],
        "cpuUs": cpu_us() - started["cpu"],
    }


def percentile(latencies, p):
    return latencies[min(len(latencies) - 1, int(len(latencies) * p))] if latencies else 0


def main(side, url, name):
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    channel = socket.socket(fileno=3)

    def tell(work):
        try:
            message = work()
        except Exception as error:
            message = {"error": str(error) or type(error).__name__}
        channel.sendall((json.dumps(message) + "\n").encode())

    answer = (serve if side == "server" else connect)(url, name)
    tell(lambda: {"ready": True})
    for line in channel.makefile("r"):
        question = json.loads(line)
        # Not in this thread, which has to hear that the bench has gone, whatever is under way.
        threading.Thread(target=tell, args=(lambda: answer(question),), daemon=True).start()
    os._exit(0)


if sys.argv[1] == "check":
    from importlib.metadata import version

    print(version("oslo.messaging"))
else:
    main(*sys.argv[1:])
