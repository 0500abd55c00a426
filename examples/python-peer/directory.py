"""How processes of one machine find each other (docs/protocol-zmq.md, "Finding each other")."""

import contextlib
import hashlib
import json
import os
import secrets
import stat
import tempfile


class Directory:
    """The runtime directory, and what this process has in it."""

    def __init__(self, path=None):
        self.path = os.path.abspath(path or default_path())
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        found = os.stat(self.path)
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
            raise PermissionError(f"{self.path} belongs to another user, or others may write there: they could pretend to be any server")
        self.token = new_token()
        self.socket = os.path.join(self.path, f"{self.token}.sock")
        self._files = []

    @property
    def address(self):
        return f"ipc://{self.socket}"

    def register(self, realm, exchange, topic, server, incarnation):
        """Puts a server's record where others look for it. The socket must be bound by then."""
        os.chmod(self.socket, 0o600)
        folder = self._folder("rpc", realm, exchange, topic)
        record = {"format": 1, "kind": "rpc", "realm": realm, "exchange": exchange, "topic": topic, "server": server}
        record |= {"address": self.address, "incarnation": incarnation}
        file = os.path.join(folder, f"{self.token}-{len(self._files) + 1}.json")
        while True:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            # Somebody may have removed the folder just now, because it was empty.
            with contextlib.suppress(FileNotFoundError):
                with open(os.open(f"{file}.tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
                    stream.write(json.dumps(record, ensure_ascii=False) + "\n")
                os.rename(f"{file}.tmp", file)
                break
        self._files.append(file)

    def withdraw(self):
        """Takes back every record of this process."""
        for file in self._files:
            with contextlib.suppress(OSError):
                os.unlink(file)
                os.rmdir(os.path.dirname(file))
        self._files.clear()

    def close(self):
        """The socket's file goes last, when nobody listens there any more."""
        self.withdraw()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)

    def lookup(self, realm, exchange, topic):
        """The records of the servers of a topic: `address` and `incarnation` say whom to dial."""
        wanted = {"format": 1, "kind": "rpc", "realm": realm, "exchange": exchange, "topic": topic}
        folder = self._folder("rpc", realm, exchange, topic)
        found = []
        with contextlib.suppress(FileNotFoundError):
            for name in sorted(os.listdir(folder)):
                if not name.endswith(".json"):
                    continue
                # Withdrawn meanwhile, or no record: nobody's.
                with contextlib.suppress(FileNotFoundError, ValueError):
                    with open(os.path.join(folder, name), encoding="utf-8") as stream:
                        record = json.load(stream)
                    if isinstance(record, dict) and wanted.items() <= record.items() and _is_whole(record):
                        found.append(record)
        return found

    def _folder(self, *key):
        whole = json.dumps(key, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        return os.path.join(self.path, f"{key[0]}-{hashlib.sha256(whole).hexdigest()[:32]}")


def _is_whole(record):
    return all(isinstance(record.get(field), str) for field in ("server", "address", "incarnation"))


def default_path():
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime):
        return os.path.join(runtime, "trunkline")
    return os.path.join(tempfile.gettempdir(), f"trunkline-{os.getuid()}")


def new_token():
    """Says whose a file is: process id, when that process started, and what makes it one of its kind."""
    started = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open("/proc/self/stat", encoding="latin-1") as stream:
            # The command's name, in parentheses, may hold anything; the start is the 20th field after it.
            started = int(stream.read().rpartition(")")[2].split()[19])
    return f"{_base36(os.getpid())}-{_base36(started)}-{secrets.token_hex(4)}"


def _base36(number):
    digits = ""
    while number or not digits:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits
