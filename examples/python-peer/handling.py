"""What a server makes of a request: the record that answers it."""

import traceback

import records as r
from wire import Writer

CORE = "@trunkline/core"
SERVED_VERSION = "1.0"


def outcome(endpoint, work, names, params, context):
    """Runs the method of `endpoint` that `names` asks for. The record that answers a call; None for a cast."""
    name = names["method"]
    method = None if name.startswith("_") else getattr(endpoint, name, None)
    refused = _refusal(names, method)
    is_call = work.slot is not None
    where = (work.slot, work.generation)
    if refused is not None:
        return r.fail(*where, *refused) if is_call else None
    try:
        value = method(params, context)
        if not is_call:
            return None
        result = Writer().value(value)
    except Exception as error:  # whatever a handler raises, or gives back and cannot travel, is the caller's to know
        if is_call:
            return r.fail(*where, type(error).__name__, str(error), type(error).__module__, traceback.format_exc())
        traceback.print_exc()
        return None
    limit = work.session.max_bytes
    if len(result.bytes) > limit:
        return r.fail(*where, "MessageTooLargeError", "the result is too large", CORE, None, {"maxMessageBytes": limit})
    return Writer().u8(r.REPLY).number(work.slot).number(work.generation).raw(result.bytes)


def _refusal(names, method):
    """Type, message, module, stack and details of a failure, or None."""
    version = names["version"] or SERVED_VERSION
    details = {"method": names["method"], "version": version, "namespace": names["namespace"]}
    if names["namespace"] is not None or version != SERVED_VERSION:
        message = f"this server has no namespace, and version {SERVED_VERSION} alone"
        return "UnsupportedVersionError", message, CORE, None, details
    if not callable(method):
        return "NoSuchMethodError", f"this server has no method {names['method']}", CORE, None, details
    return None
