"""A peer of @trunkline/zmq in Python: serves, calls, casts and fans out. README.md says how.

main.py serve --topic TOPIC --server NAME [--bind HOST:PORT | --runtime-dir DIR] [--realm REALM] [--exchange EXCHANGE]
main.py call|cast|fanout --topic TOPIC [--server NAME] [--peers HOST:PORT,… | --runtime-dir DIR] METHOD [PARAMS]
"""

import argparse
import json
import signal
import sys
import threading

from client import Client, Lost, RemoteError, Unreachable
from directory import Directory
from serving import Server


class Endpoint:
    """What `serve` offers. Each method is given params and context."""

    def __init__(self, server):
        self._server, self._gate = server, threading.Event()
        self._noted = []

    def echo(self, params, _context):
        return params.get("value")

    def whoami(self, _params, context):
        return {"server": self._server, "context": context}

    def divide(self, params, _context):
        return params["dividend"] / params["divisor"]

    def note(self, params, _context):
        self._noted.append(params.get("id"))

    def noted(self, _params, _context):
        return self._noted

    def hold(self, params, _context):
        """Goes on until somebody calls `release`."""
        self._gate.wait()
        return params.get("value")

    def release(self, _params, _context):
        self._gate.set()


def serve(options):
    directory = None if options.bind else Directory(options.runtime_dir)
    server = Server(Endpoint(options.server), options.topic, options.server, options.exchange, options.realm)
    address = server.listen(f"tcp://{options.bind}" if options.bind else directory.address)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop(server, directory))
    if directory is not None:
        directory.register(options.realm, options.exchange, options.topic, options.server, server.incarnation)
    print(json.dumps({"ready": address}), flush=True)
    server.run()
    if directory is not None:
        directory.close()
    return 0


def stop(server, directory):
    """Nobody finds it any more, and then it ends in order."""
    if directory is not None:
        directory.withdraw()
    server.stop()


def send(options):
    peers = [f"tcp://{peer}" for peer in options.peers.split(",")] if options.peers else []
    directory = None if peers else Directory(options.runtime_dir)
    client = Client(peers, directory, options.realm, options.exchange)
    more = {"context": options.context, "timeout": options.timeout}
    if options.server and options.do != "fanout":
        more["server"] = options.server
    try:
        result = getattr(client, options.do)(options.topic, options.method, options.params, **more)
        print(json.dumps({"result": result}, ensure_ascii=False))
        return 0
    except RemoteError as error:
        found = {"error": "RemoteError", "type": error.type, "message": str(error), "module": error.module}
        print(json.dumps(found | {"details": error.details}, ensure_ascii=False))
    except (Unreachable, Lost, TimeoutError, TypeError, ValueError) as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}, ensure_ascii=False))
    finally:
        client.close()
    return 1


def main():
    parser = argparse.ArgumentParser(description="A peer of @trunkline/zmq in Python.")
    parser.add_argument("do", choices=["serve", "call", "cast", "fanout"])
    parser.add_argument("--topic", required=True)
    parser.add_argument("--server", help="this server's name; of a call or cast, whom it is for")
    parser.add_argument("--exchange", default="default")
    parser.add_argument("--realm", default="")
    parser.add_argument("--bind", help="HOST:PORT to serve on; else the runtime directory")
    parser.add_argument("--peers", help="HOST:PORT,… to dial; else the runtime directory")
    parser.add_argument("--runtime-dir", help="else $XDG_RUNTIME_DIR/trunkline, or trunkline-<uid> in the temp folder")
    parser.add_argument("--context", type=json.loads, default="{}", help="the request's context, as JSON")
    parser.add_argument("--timeout", type=float, default=60, help="seconds")
    parser.add_argument("method", nargs="?")
    parser.add_argument("params", nargs="?", type=json.loads, default="{}", help="as JSON")
    options = parser.parse_intermixed_args()
    if options.do == "serve" and not options.server:
        parser.error("serve needs --server")
    if options.do != "serve" and not options.method:
        parser.error(f"{options.do} needs a method")
    return serve(options) if options.do == "serve" else send(options)


if __name__ == "__main__":
    sys.exit(main())
