"""Bare sockets of pyzmq for tests, as lines.py takes commands. Frames are hex, or {"$random": [seed, length]}, which both sides can make."""

import hashlib
import threading

import zmq

import lines

context = zmq.Context()
sockets = {}
locks = {}
WITHIN_MS = 20_000


def frame_of(told):
    """Random bytes of a seed are SHA-256 over and over, so that no frame of 10 MiB travels as hex."""
    if isinstance(told, str):
        return bytes.fromhex(told)
    seed, length = told["$random"]
    block = hashlib.sha256(f"{seed}".encode()).digest()
    return (block * (length // len(block) + 1))[:length]


def tell(frame):
    return frame.hex() if len(frame) <= 64 else {"$sha256": hashlib.sha256(frame).hexdigest(), "length": len(frame)}


def create(name, type, bind=None, connect=None, identity=None, **options):
    socket = context.socket(getattr(zmq, type))
    socket.linger = 0
    socket.rcvtimeo = socket.sndtimeo = WITHIN_MS
    if identity is not None:
        socket.setsockopt(zmq.IDENTITY, bytes.fromhex(identity))
    for option, value in options.items():
        socket.setsockopt(getattr(zmq, option), value.encode() if isinstance(value, str) else value)
    sockets[name], locks[name] = socket, threading.Lock()
    if bind is not None:
        socket.bind(bind)
        return socket.last_endpoint.decode().rstrip("\0")
    socket.connect(connect)
    return connect


def send(name, frames):
    with locks[name]:
        sockets[name].send_multipart([frame_of(frame) for frame in frames])


def receive(name):
    with locks[name]:
        return [tell(frame) for frame in sockets[name].recv_multipart()]


def echo(name, count):
    """Sends back so many messages as they came: a ROUTER to whom they came from."""
    with locks[name]:
        for _ in range(count):
            sockets[name].send_multipart(sockets[name].recv_multipart())


def close(name):
    with locks[name]:
        sockets.pop(name).close()


def release():
    return zmq.zmq_version()


lines.run({"create": create, "send": send, "receive": receive, "echo": echo, "close": close, "release": release})
