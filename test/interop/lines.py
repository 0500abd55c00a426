"""A program that takes commands for tests: one JSON object per line on stdin, one JSON answer per line on stdout.

A command is {"id": 1, "do": "call", …}; its answer {"id": 1, "result": …}, or {"id": 1, "raised": {"type": …, "message": …}}. Commands
run side by side, each in a thread. It ends when stdin closes.
"""

import json
import os
import sys
import threading

lock = threading.Lock()


def say(line):
    text = json.dumps(line)
    with lock:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def run(commands):
    """`commands`: by name, functions that are given the command's members."""
    for line in sys.stdin:
        command = json.loads(line)
        threading.Thread(target=answer, args=(commands, command), daemon=True).start()
    os._exit(0)


def answer(commands, command):
    number, name = command.pop("id"), command.pop("do")
    try:
        say({"id": number, "result": commands[name](**command)})
    except Exception as error:  # it is the test's to know
        more = {key: value for key, value in vars(error).items() if key in ("type", "module", "details", "stack")}
        say({"id": number, "raised": {"class": type(error).__name__, "message": str(error), **more}})
