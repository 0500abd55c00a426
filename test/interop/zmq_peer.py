"""The peer of examples/python-peer for tests, as lines.py takes commands.

Values that JSON has no word for are {"$bytes": hex}, {"$int": decimal} and {"$time": milliseconds}.
"""

import datetime
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "python-peer"))

import lines
from client import Client
from directory import Directory
from serving import Server
from wire import EPOCH, MILLISECOND

servers, clients = {}, {}


def encode(value):
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, datetime.datetime):
        return {"$time": (value - EPOCH) // MILLISECOND}
    if isinstance(value, int) and abs(value) > 2**53 - 1:
        return {"$int": str(value)}
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    return [encode(item) for item in value] if isinstance(value, list) else value


def decode(value):
    if isinstance(value, dict):
        if "$bytes" in value:
            return bytes.fromhex(value["$bytes"])
        if "$time" in value:
            return EPOCH + value["$time"] * MILLISECOND
        if "$int" in value:
            return int(value["$int"])
        if "$text" in value:
            return "x" * value["$text"]
        return {key: decode(item) for key, item in value.items()}
    return [decode(item) for item in value] if isinstance(value, list) else value


class Endpoint:
    def __init__(self, name):
        self._name, self._gate, self._seen = name, threading.Event(), []
        self._changed = threading.Condition()

    def echo(self, params, _context):
        return params.get("value")

    def whoami(self, _params, context):
        return {"server": self._name, "context": context}

    def note(self, params, context):
        with self._changed:
            self._seen.append({"params": encode(params), "context": encode(context)})
            self._changed.notify_all()

    def hold(self, params, context):
        self.note(params, context)
        self._gate.wait()
        return self._name

    def bad(self, params, _context):
        return {"set": {1}, "surrogate": "\ud800", "infinite": float("inf")}[params["which"]]

    def fail(self, params, _context):
        raise LookupError(params["message"])

    def large(self, params, _context):
        return b"x" * params["bytes"]


def serve(name, topic, runtime_dir=None, bind=None, realm="", exchange="default", threads=4):
    directory = None if bind else Directory(runtime_dir)
    endpoint = Endpoint(name)
    server = Server(endpoint, topic, name, exchange, realm, threads)
    address = server.listen(f"tcp://{bind}" if bind else directory.address)
    if directory is not None:
        directory.register(realm, exchange, topic, name, server.incarnation)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    servers[name] = (server, endpoint, directory, thread)
    return {"address": address, "incarnation": server.incarnation}


def stop(name):
    server, _, directory, thread = servers[name]
    if directory is not None:
        directory.withdraw()
    server.stop()
    thread.join()
    if directory is not None:
        directory.close()


def sessions(name):
    return len(servers[name][0].sessions)


def seen(name, count):
    """What `note` and `hold` were given, once it is so much."""
    _, endpoint, _, _ = servers[name]
    with endpoint._changed:
        if not endpoint._changed.wait_for(lambda: len(endpoint._seen) >= count, 20):
            raise TimeoutError(f"{len(endpoint._seen)} were seen, of {count}")
        return endpoint._seen


def release(name):
    servers[name][1]._gate.set()


def connect(name, peers=(), runtime_dir=None, realm="", exchange="default"):
    clients[name] = Client(peers, None if peers else Directory(runtime_dir), realm, exchange)


def call(client, topic, method, params=None, **more):
    return encode(clients[client].call(topic, method, decode(params or {}), **more))


def many(client, topic, count):
    """So many calls of `echo` side by side; how many came back as they were."""
    answers = [None] * count

    def one(index):
        answers[index] = clients[client].call(topic, "echo", {"value": index})

    threads = [threading.Thread(target=one, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(answer == index for index, answer in enumerate(answers))


def cast(client, topic, method, params=None, **more):
    clients[client].cast(topic, method, decode(params or {}), **more)


def casts(client, topic, count):
    for number in range(count):
        clients[client].cast(topic, "note", {"id": number})


def fanout(client, topic, method, params=None, **more):
    return clients[client].fanout(topic, method, decode(params or {}), **more)


def close(client):
    clients.pop(client).close()


lines.run({
    "serve": serve, "stop": stop, "sessions": sessions, "seen": seen, "release": release, "connect": connect, "call": call,
    "many": many, "cast": cast, "casts": casts, "fanout": fanout, "close": close,
})
