"""oslo.messaging as a peer for tests: one JSON command per line on stdin, one JSON answer per line on stdout.

A command is {"id": 1, "do": "call", …}; its answer {"id": 1, "result": …}, or {"id": 1, "raised": {…}} where the library, or the
peer, raised. What endpoints see is told by lines of their own, {"event": "handled", …}. Commands run side by side, each in a
thread. Logs go to stderr. It ends when stdin closes.

JSON has no word for much of what Python has: {"$set": [1]} and the like stand for it, see decode and encode.
"""

import datetime
import json
import logging
import os
import sys
import threading
import time
import traceback
import types
import uuid

import kombu
import oslo_messaging
from oslo_config import cfg
from oslo_messaging import server as message_server
from oslo_messaging import transport as message_transport
from oslo_messaging._drivers import amqp, impl_rabbit
from oslo_messaging._metrics import client as metrics
from oslo_messaging.rpc import client as rpc_client

RABBIT = "oslo_messaging_rabbit"
PRIORITIES = ("audit", "debug", "info", "warn", "error", "critical", "sample")
SAFE_INTEGER = 2**53 - 1
HELD_AT_MOST_S = 60

out = sys.stdout
sys.stdout = sys.stderr
out_lock = threading.Lock()


def say(line):
    text = json.dumps(line)
    with out_lock:
        out.write(text + "\n")
        out.flush()


def tell(event, **what):
    """What an endpoint saw."""
    say({"event": event, **encode(what)})


# Values -------------------------------------------------------------------------------------------------------------

DECODERS = {
    "$float": float,
    "$int": int,
    "$set": lambda items: set(decode(items)),
    "$tuple": lambda items: tuple(decode(items)),
    "$bytes": lambda text: text.encode(),
    "$datetime": datetime.datetime.fromisoformat,
    "$uuid": uuid.UUID,
    "$date": datetime.date.fromisoformat,
    # Text of so many repetitions, for what is too large for a line.
    "$repeat": lambda pair: pair[0] * pair[1],
    # Half a character, which our side does not send.
    "$surrogate": lambda code: chr(int(code, 16)),
    # Members whose names are not strings.
    "$pairs": lambda pairs: {decode(key): decode(value) for key, value in pairs},
}


def decode(value):
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(key, inner)] = value.items()
        if key in DECODERS:
            return DECODERS[key](inner)
    return {key: decode(inner) for key, inner in value.items()}


def encode(value):
    """The other way round; what a test must be able to tell apart is marked: 1.0 is {"$float": "1.0"}."""
    if isinstance(value, dict):
        return {str(key): encode(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, float) and (value != value or value == int_or_none(value)):
        return {"$float": repr(value)}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > SAFE_INTEGER:
        return {"$int": str(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return {"$python": repr(value)}


def int_or_none(value):
    try:
        return int(value)
    except OverflowError:
        return value  # infinities


# Errors of this application -----------------------------------------------------------------------------------------


class QuotaError(Exception):
    """With keyword arguments, as OpenStack's are."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args)
        self.kwargs = kwargs

    def __str__(self):
        return "over quota: " + ", ".join([*map(str, self.args), *(f"{k}={v}" for k, v in self.kwargs.items())])


class PlainError(Exception):
    pass


def module_of(name, *classes):
    """A module that can be imported by its name, here and wherever a remote error names it."""
    module = types.ModuleType(name)
    for one in classes:
        one.__module__ = name
        setattr(module, one.__name__, one)
    sys.modules[name] = module
    return module


ERRORS = {
    "builtins": sys.modules["builtins"],
    "interop_errors": module_of("interop_errors", QuotaError),
    "interop_hidden": module_of("interop_hidden", PlainError),
}


def raise_error(spec):
    kind = getattr(ERRORS[spec.get("module", "builtins")], spec["class"])
    raise kind(*decode(spec.get("args", [])), **decode(spec.get("kwargs", {})))


def describe(error):
    fields = ("exc_type", "value", "traceback", "version", "version_cap", "method")
    return {
        "type": type(error).__name__,
        "module": type(error).__module__,
        "bases": [base.__name__ for base in type(error).__mro__[1:-1]],
        "text": str(error),
        "args": encode(error.args),
        "kwargs": encode(getattr(error, "kwargs", None)),
        **{field: encode(getattr(error, field)) for field in fields if hasattr(error, field)},
    }


# What the commands work on ------------------------------------------------------------------------------------------

transports = {}
servers = {}
listeners = {}
taps = {}
holds = {}
holds_lock = threading.Lock()


def hold(key):
    with holds_lock:
        return holds.setdefault(key, threading.Event())


def config(url, options, defaults):
    conf = cfg.ConfigOpts()
    conf([], project="interop")
    # These are on no configuration but the global one, and each call and cast reads them.
    conf.register_opts(metrics.oslo_messaging_metrics, group="oslo_messaging_metrics")
    conf.set_override("metrics_thread_stop_timeout", 0, group="oslo_messaging_metrics")
    group = cfg.OptGroup(RABBIT)
    conf.register_group(group)
    conf.register_opts(impl_rabbit.rabbit_opts, group=group)
    conf.register_opts(amqp.amqp_opts, group=group)
    for name, value in options.items():
        conf.set_override(name, value, group=RABBIT)
    conf.register_opts([*message_transport._transport_opts, *rpc_client._client_opts, *message_server._pool_opts])
    for name, value in defaults.items():
        conf.set_override(name, value)
    return conf


def transport_of(name):
    return transports[name]


def target_of(fields):
    return oslo_messaging.Target(**fields)


class Endpoint:
    """All methods that a test may call. Each tells what it saw, under the server's name."""

    def __init__(self, server, target=None):
        self._server = server
        if target is not None:
            self.target = oslo_messaging.Target(
                namespace=target.get("namespace"),
                version=target.get("version"),
                legacy_namespaces=target.get("legacyNamespaces"),
            )
        self._label = (target or {}).get("label")

    def _saw(self, method, ctxt, **args):
        tell("handled", server=self._server, method=method, context=dict(ctxt), args=args, label=self._label)

    def echo(self, ctxt, value=None):
        self._saw("echo", ctxt, value=value)
        return value

    def note(self, ctxt, **args):
        self._saw("note", ctxt, **args)

    def whoami(self, ctxt):
        self._saw("whoami", ctxt)
        return self._label or self._server

    def context(self, ctxt):
        self._saw("context", ctxt)
        return ctxt

    def pair(self, ctxt, first, second):
        self._saw("pair", ctxt, first=first, second=second)
        return [first, second]

    def kind(self, ctxt, value):
        """What Python takes a value for."""
        return [type(value).__name__, repr(value)]

    def give(self, ctxt, value):
        """A value that JSON has no word for, written as in decode."""
        return decode(value)

    def length(self, ctxt, value):
        return len(value)

    def fail(self, ctxt, error):
        self._saw("fail", ctxt, error=error)
        raise_error(error)

    @oslo_messaging.expected_exceptions(ValueError)
    def fail_expectedly(self, ctxt, error):
        raise_error(error)

    def hold(self, ctxt, key):
        """Returns when the test says so."""
        self._saw("hold", ctxt, key=key)
        hold(key).wait(HELD_AT_MOST_S)
        return key

    def work(self, ctxt, seconds):
        """Takes its time."""
        self._saw("work", ctxt, seconds=seconds)
        time.sleep(seconds)
        return "worked"

    def ask_on(self, ctxt, transport, target, method, args):
        """Calls another service with the context that came."""
        client = oslo_messaging.get_rpc_client(transport_of(transport), target_of(target), timeout=10)
        return client.call(ctxt, method, **args)

    def _private(self, ctxt):
        self._saw("_private", ctxt)
        return "reached"


class Listening:
    """A notification endpoint's methods, one for each priority that is listened to."""

    def __init__(self, name, spec):
        self.name = name
        self.again = spec.get("requeue", 0)
        self.failing = spec.get("fail", 0)
        self.held = spec.get("hold")
        for priority in spec.get("priorities", PRIORITIES):
            setattr(self, priority, self._taker(priority, "batchSize" in spec))
        if "filter" in spec:
            self.filter_rule = oslo_messaging.NotificationFilter(**spec["filter"])

    def _taker(self, priority, is_batch):
        def take(ctxt, publisher_id, event_type, payload, metadata):
            tell("notified", listener=self.name, priority=priority, context=ctxt, publisherId=publisher_id,
                 eventType=event_type, payload=payload, metadata=metadata)
            return self._verdict()

        def take_batch(messages):
            tell("batch", listener=self.name, priority=priority, messages=messages)
            return self._verdict()

        return take_batch if is_batch else take

    def _verdict(self):
        if self.held is not None:
            hold(self.held).wait(HELD_AT_MOST_S)
        if self.failing > 0:
            self.failing -= 1
            raise ValueError("a notification endpoint that fails")
        if self.again > 0:
            self.again -= 1
            return oslo_messaging.NotificationResult.REQUEUE
        return oslo_messaging.NotificationResult.HANDLED


# Commands -----------------------------------------------------------------------------------------------------------


class Commands:
    def about(self):
        from importlib import metadata

        return {name: metadata.version(name) for name in ("oslo.messaging", "kombu", "amqp")}

    def options(self):
        """The options that this release has."""
        return sorted(opt.dest for opt in [*impl_rabbit.rabbit_opts, *amqp.amqp_opts])

    def open(self, name, url, kind="rpc", options=None, defaults=None, allowed=None):
        make = {"rpc": oslo_messaging.get_rpc_transport, "notify": oslo_messaging.get_notification_transport}[kind]
        transports[name] = make(config(url, options or {}, defaults or {}), url, allowed_remote_exmods=allowed or [])

    def close(self, name):
        transports.pop(name).cleanup()

    def serve(self, name, transport, target, endpoints=None):
        made = [Endpoint(name, spec) for spec in (endpoints or [None])]
        server = oslo_messaging.get_rpc_server(
            transport_of(transport), target_of(target), made, executor="threading",
            access_policy=oslo_messaging.DefaultRPCAccessPolicy,
        )
        server.start()
        servers[name] = server

    def stop(self, name):
        server = servers.pop(name, None) or listeners.pop(name)
        server.stop()
        server.wait()

    def call(self, transport, target, method, args=None, context=None, timeout=None, monitor=None, retry=None,
             version_cap=None):
        client = self._client(transport, target, timeout=timeout, call_monitor_timeout=monitor, retry=retry,
                              version_cap=version_cap)
        return encode(client.call(decode(context or {}), method, **decode(args or {})))

    def cast(self, transport, target, method, args=None, context=None, retry=None, at_least_once=False):
        options = oslo_messaging.TransportOptions(at_least_once=True) if at_least_once else None
        client = self._client(transport, target, retry=retry, transport_options=options)
        client.cast(decode(context or {}), method, **decode(args or {}))

    def _client(self, transport, target, **options):
        return oslo_messaging.get_rpc_client(transport_of(transport), target_of(target), **options)

    def notify(self, transport, priority, event_type, payload=None, context=None, publisher_id=None,
               driver="messagingv2", topics=None, retry=None, times=1):
        notifier = oslo_messaging.Notifier(transport_of(transport), publisher_id=publisher_id, driver=driver,
                                           topics=topics, retry=retry)
        for _ in range(times):
            getattr(notifier, priority)(decode(context or {}), event_type, decode(payload))

    def listen(self, name, transport, targets, pool=None, requeues=False, **spec):
        endpoints = [Listening(name, one) for one in spec.pop("endpoints", [spec])]
        common = {"executor": "threading", "allow_requeue": requeues, "pool": pool}
        to = [target_of(target) for target in targets]
        if "batchSize" in spec:
            listener = oslo_messaging.get_batch_notification_listener(
                transport_of(transport), to, endpoints, batch_size=spec["batchSize"],
                batch_timeout=spec.get("batchTimeout"), **common)
        else:
            listener = oslo_messaging.get_notification_listener(transport_of(transport), to, endpoints, **common)
        listener.start()
        listeners[name] = listener

    def release(self, key):
        hold(key).set()

    def publish(self, url, exchange, key, body, headers=None, times=1, **properties):
        """By hand, as no driver would. The exchange and the queue have to be there."""
        given = {"content_type": "application/json", "content_encoding": "utf-8", "delivery_mode": 2, **properties}
        with kombu.Connection(url) as connection:
            with connection.channel() as channel:
                for _ in range(times):
                    message = channel.prepare_message(
                        body, content_type=given["content_type"], content_encoding=given["content_encoding"],
                        headers=headers or {}, properties={"delivery_mode": given["delivery_mode"]})
                    channel.basic_publish(message, exchange=exchange, routing_key=key)

    def tap(self, name, url, exchange, key, kind="topic", durable=False, auto_delete=False):
        """A queue of its own with a copy of what goes to that key; it takes part in nothing else."""
        connection = kombu.Connection(url)
        channel = connection.channel()
        source = kombu.Exchange(exchange, type=kind, durable=durable, auto_delete=auto_delete)
        queue = kombu.Queue(f"tap_{uuid.uuid4().hex}", exchange=source, routing_key=key, exclusive=True, durable=False)
        bound = queue(channel)
        bound.declare()
        taps[name] = (connection, bound)

    def tap_queue(self, name):
        return taps[name][1].name

    def tapped(self, name):
        """The next message as it is on the wire, or null."""
        queue = taps[name][1]
        # Not by kombu, which would decompress it.
        message = queue.channel.basic_get(queue.name, no_ack=True)
        if message is None:
            return None
        properties = dict(message.properties)
        return {
            "body": (message.body.encode() if isinstance(message.body, str) else message.body).decode("latin-1"),
            "headers": encode(properties.pop("application_headers", {})),
            "contentType": properties.pop("content_type", None),
            "contentEncoding": properties.pop("content_encoding", None),
            "properties": encode(properties),
        }


commands = Commands()


def run(command):
    identifier, do = command.pop("id"), command.pop("do")
    try:
        say({"id": identifier, "result": getattr(commands, do)(**command)})
    except BaseException as error:
        trace = "".join(traceback.format_exception(error))
        say({"id": identifier, "raised": {**describe(error), "trace": trace}})


def main():
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    say({"event": "ready"})
    for line in sys.stdin:
        threading.Thread(target=run, args=(json.loads(line),), daemon=True).start()
    os._exit(0)


main()
