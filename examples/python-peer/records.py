"""The records of the protocol (docs/protocol-zmq.md), as far as a program that serves, calls and casts has to write and read them."""

from wire import Malformed, Reader, Writer

MAGIC = b"TRKL"
VERSION = 1
HELLO, WELCOME, REFUSE, BYE = 0x01, 0x02, 0x03, 0x04
ROUTE, CALL, CAST, EVENT, CANCEL, WANT, RETURN, GAVE_UP, PING, NOTED = range(0x10, 0x1A)
ADVERT, GOAWAY, REPLY, FAIL, BEAT = range(0x20, 0x25)
CALL_BACK, CAST_BACK, EVENT_BACK, REQUEUE, ACCEPTED, HANDLED, CREDIT, RECLAIM, PONG = range(0x26, 0x2F)
RPC, EVENTS = 0, 1
TO_TOPIC, TO_SERVER, FANOUT = 0, 1, 2
REFUSALS = ("version", "realm", "incarnation", "auth", "protocol", "closing")
HAS_CONTEXT, HAS_HEADERS, HAS_MONITOR = 1, 2, 4


def hello(session, realm, incarnation, name, max_bytes):
    writer = Writer().u8(HELLO).raw(MAGIC).u8(VERSION).u8(VERSION).number(0).number(max_bytes)
    return writer.raw(session).text(realm).text(incarnation).text(name)


def read_hello(frame):
    """A dict of HELLO's fields."""
    reader = Reader(frame)
    if reader.u8() != HELLO or reader.raw(4) != MAGIC:
        raise Malformed("a peer that did not begin with HELLO")
    found = {"lowest": reader.u8(), "highest": reader.u8(), "features": reader.number(), "max_bytes": reader.number()}
    found["session"] = reader.raw(8)
    for field in ("realm", "incarnation", "name"):
        found[field] = reader.text()
    if found["highest"] == VERSION and reader.has_more:
        raise Malformed("bytes behind HELLO")
    return found


def welcome(session, incarnation, name, max_bytes, listeners):
    writer = Writer().u8(WELCOME).raw(MAGIC).u8(VERSION).number(0).number(max_bytes)
    return writer.raw(session).text(incarnation).text(name).number(listeners)


def read_answer(frame, session):
    """A dict of WELCOME's fields, or `{"refusal": …, "text": …}`."""
    reader = Reader(frame)
    kind = reader.u8()
    if reader.raw(4) != MAGIC or kind not in (WELCOME, REFUSE):
        raise Malformed("neither WELCOME nor REFUSE")
    if kind == REFUSE:
        return read_refusal(reader)
    if reader.u8() != VERSION:
        raise Malformed("a version that was not offered")
    found = {"features": reader.number(), "max_bytes": reader.number()}
    if reader.raw(8) != session:
        raise Malformed("an answer to another session")
    return found | {"incarnation": reader.text(), "name": reader.text(), "listeners": reader.number()}


def read_refusal(reader):
    """Of a REFUSE, behind its type and mark."""
    code = reader.u8()
    return {"refusal": REFUSALS[code - 1] if 1 <= code <= len(REFUSALS) else "protocol", "text": reader.text()}


def refuse(code, text):
    return Writer().u8(REFUSE).raw(MAGIC).u8(REFUSALS.index(code) + 1).text(text)


def advert(listener, exchange, topic, server, credit):
    return Writer().u8(ADVERT).number(listener).u8(RPC).text(exchange).text(topic).text(server).number(credit)


def read_advert(reader):
    found = {"listener": reader.number(), "kind": reader.u8(), "exchange": reader.name(), "topic": reader.name()}
    if found["kind"] == RPC:
        found["server"] = reader.name()
    elif found["kind"] == EVENTS:
        found |= {"priorities": reader.u8(), "pool": reader.optional_name()}
    else:
        raise Malformed("an unknown kind of listener")
    return found | {"credit": reader.number()}


def route(number, listener, mode, namespace, version, method):
    writer = Writer().u8(ROUTE).number(number).number(listener)
    return _names(writer, {"mode": mode, "namespace": namespace, "version": version, "method": method})


def _names(writer, names):
    given = [names["namespace"], names["version"]]
    writer.u8(names["mode"]).u8((given[0] is not None) | (given[1] is not None) << 1)
    for name in given:
        if name is not None:
            writer.text(name)
    return writer.text(names["method"])


def read_names(reader):
    """Mode, namespace, version and method, as in ROUTE."""
    mode, present = reader.u8(), reader.u8()
    if mode > FANOUT or present > 3:
        raise Malformed("a route that this version does not know")
    namespace = reader.name() if present & 1 else None
    version = reader.name() if present & 2 else None
    return {"mode": mode, "namespace": namespace, "version": version, "method": reader.name()}


def write_body(writer, params, context):
    writer.value(params)
    return writer.value(context) if context else writer


def read_body(reader, flags):
    """Params, context and headers."""
    params = reader.object()
    context = reader.object() if flags & HAS_CONTEXT else {}
    headers = reader.object() if flags & HAS_HEADERS else {}
    if not all(isinstance(header, str) for header in headers.values()):
        raise Malformed("a header that is no text")
    return params, context, headers


def read_flags(reader, known):
    flags = reader.u8()
    if flags & ~known:
        raise Malformed("an unknown flag")
    return flags


def fail(slot, generation, kind, message, module=None, stack=None, details=None):
    present = (module is not None) | (stack is not None) << 1 | (details is not None) << 2
    writer = Writer().u8(FAIL).number(slot).number(generation).u8(present)
    # A failure always travels: what UTF-8 has no bytes for is replaced.
    for text in (kind, message, *(text for text in (module, stack) if text is not None)):
        writer.text(text.encode("utf-8", "replace").decode("utf-8"))
    return writer if details is None else writer.value(details)


def read_failure(reader):
    """Of a FAIL, behind slot and generation."""
    present = reader.u8()
    found = {"type": reader.text(), "message": reader.text()}
    for bit, field in ((1, "module"), (2, "stack")):
        if present & bit:
            found[field] = reader.text()
    if present & 4:
        found["details"] = reader.value()
    return found


def cast_back(flags, sequence, exchange, topic, server, names, body):
    """`body`: its bytes, as they came."""
    writer = Writer().u8(CAST_BACK).u8(flags).number(sequence).text(exchange).text(topic).optional_name(server)
    return _names(writer, names).raw(body)
