/** Names of errors across languages: which class a caller on the other side would catch for the same mistake. */
import { CORE_MODULE, type Failure, type Value } from "@trunkline/core/driver";
import { isObject } from "./inner-message.js";

/** An exception as Python names it, with what its constructor is to be given there. */
export interface PythonException {
  readonly class: string;
  readonly module: string;
  readonly args: readonly Value[];
  readonly kwargs: { readonly [key: string]: Value | undefined };
}

/** The module of Python's own exceptions; a Python peer rebuilds them without being told that it may. */
export const BUILTINS = "builtins";

/** What Python 2 called it. */
const OLD_BUILTINS = "exceptions";
/** Of application classes that name no module; a Python caller gets them as oslo's RemoteError. */
const DEFAULT_MODULE = "trunkline";
const DISPATCHER = "oslo_messaging.rpc.dispatcher";
const REMOTE_SUFFIX = "_Remote";

/** What oslo's server says of a request that no endpoint takes (B3), by core's name for it. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ["NoSuchMethodError", "NoSuchMethod"],
  ["UnsupportedVersionError", "UnsupportedVersion"],
]);
const REFUSED: ReadonlyMap<string, string> = new Map([...REFUSALS].map(([ours, theirs]) => [theirs, ours]));

/** JavaScript's own classes, and core's for a bad argument, by Python's for the same mistake. */
const NEAREST_IN_PYTHON: ReadonlyMap<string, string> = new Map([
  ["Error", "Exception"],
  // A value of the right type outside of what is allowed.
  ["RangeError", "ValueError"],
  ["InvalidArgumentError", "ValueError"],
  // Here mostly a text that cannot be parsed, there one of Python itself: json and int raise ValueError.
  ["SyntaxError", "ValueError"],
  ["URIError", "ValueError"],
  // Python's own ReferenceError is about weak references.
  ["ReferenceError", "NameError"],
  // Nothing is near: an ExceptionGroup needs the errors themselves, which do not travel.
  ["EvalError", "RuntimeError"],
  ["AggregateError", "RuntimeError"],
]);

/**
 * Python's exceptions that can be made from a message and mean an error. Not among them: StopIteration and its like, which
 * would end a caller's loop in silence; the ends of a process; warnings; those that need more than a message.
 */
const NATIVE_IN_PYTHON: ReadonlySet<string> = new Set([
  ...["Exception", "ArithmeticError", "FloatingPointError", "OverflowError", "ZeroDivisionError"],
  ...["AssertionError", "AttributeError", "BufferError", "EOFError", "ImportError", "ModuleNotFoundError"],
  ...["LookupError", "IndexError", "KeyError", "MemoryError", "NameError", "UnboundLocalError"],
  ...["OSError", "IOError", "EnvironmentError", "BlockingIOError", "ChildProcessError", "ConnectionError"],
  ...["BrokenPipeError", "ConnectionAbortedError", "ConnectionRefusedError", "ConnectionResetError"],
  ...["FileExistsError", "FileNotFoundError", "InterruptedError", "IsADirectoryError", "NotADirectoryError"],
  ...["PermissionError", "ProcessLookupError", "TimeoutError", "RuntimeError", "NotImplementedError"],
  ...["RecursionError", "SystemError", "TypeError", "ValueError", "UnicodeError"],
]);

/** Python's, by the class here; all others of its own are nearest to Error. */
const NEAREST_HERE: ReadonlyMap<string, string> = new Map([
  ["TypeError", "TypeError"],
  ["ValueError", "RangeError"],
  ["UnicodeError", "RangeError"],
  ["UnicodeDecodeError", "RangeError"],
  ["UnicodeEncodeError", "RangeError"],
  ["UnicodeTranslateError", "RangeError"],
  ["LookupError", "RangeError"],
  ["IndexError", "RangeError"],
  ["KeyError", "RangeError"],
]);

/**
 * The exception that a Python caller is to see (B5).
 *
 * An application chooses it by the fields of its error: `module` and the class's name, `args`, `kwargs`. Without a `module`,
 * JavaScript's classes become Python's nearest, and a name that Python has too is Python's own. An error of another service
 * that a handler passed on goes under the name it had there, as it does between Python services.
 * @param details those of the failure that can travel.
 */
export function toPython(failure: Failure, details: Value | undefined): PythonException {
  const message = [failure.message];
  if (failure.module === CORE_MODULE) {
    const refusal = REFUSALS.get(failure.type);
    return refusal === undefined
      ? { class: failure.type, module: CORE_MODULE, args: message, kwargs: {} }
      : { class: refusal, module: DISPATCHER, args: message, kwargs: {} };
  }
  const { type, module, fields } = original(failure, details);
  const args = Array.isArray(fields["args"]) ? fields["args"] : message;
  const kwargs = fieldsOf(fields["kwargs"]);
  if (module !== undefined) return { class: type, module, args, kwargs };
  const nearest = NEAREST_IN_PYTHON.get(type);
  if (nearest !== undefined) return { class: nearest, module: BUILTINS, args: message, kwargs: {} };
  // None of these takes keywords.
  if (NATIVE_IN_PYTHON.has(type)) return { class: type, module: BUILTINS, args, kwargs: {} };
  return { class: type, module: DEFAULT_MODULE, args, kwargs };
}

/**
 * What a failure says of its kind, for a class and module as a Python server sends them. The marks of one that was raised
 * again are taken off; of core's own kinds it is core's name, so that the caller's core rebuilds its class.
 */
export function fromPython(className: string, moduleName: string | undefined): Omit<Failure, "message"> {
  const isAgain = className.endsWith(REMOTE_SUFFIX) && moduleName?.endsWith(REMOTE_SUFFIX) === true;
  const name = isAgain ? className.slice(0, -REMOTE_SUFFIX.length) : className;
  const module = isAgain ? moduleName?.slice(0, -REMOTE_SUFFIX.length) : moduleName;
  const type = name === "" ? "Error" : name;
  if (module === undefined) return { type };
  if (module === BUILTINS || module === OLD_BUILTINS) {
    return { type, module: BUILTINS, nearest: NEAREST_HERE.get(type) ?? "Error" };
  }
  const refused = module === DISPATCHER ? REFUSED.get(type) : undefined;
  return refused === undefined ? { type, module } : { type: refused, module: CORE_MODULE };
}

interface Original {
  readonly type: string;
  readonly module: string | undefined;
  readonly fields: { readonly [key: string]: Value | undefined };
}

/** The error itself, or, of one that came from another service and was passed on, the one that was thrown first. */
function original(failure: Failure, details: Value | undefined): Original {
  let type = failure.type;
  let module = failure.module;
  let fields = fieldsOf(details);
  while (type === "RemoteError" && fields["code"] === "ERR_REMOTE" && typeof fields["type"] === "string") {
    type = fields["type"];
    module = textOf(fields["module"]);
    fields = fieldsOf(fields["details"]);
  }
  return { type, module: module ?? textOf(fields["module"]), fields };
}

function fieldsOf(details: Value | undefined): { readonly [key: string]: Value | undefined } {
  // Bytes and dates, which an object might also be here, do not get as far as this.
  return isObject(details) ? (details as { readonly [key: string]: Value | undefined }) : {};
}

function textOf(value: Value | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
