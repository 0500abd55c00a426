"""The bytes of the protocol (docs/protocol-zmq.md, "Notation"): numbers, texts, names and values."""

import datetime
import struct
import sys

MAX_SAFE = 2**53 - 1
MAX_NAME_BYTES = 255
MAX_NESTING = 1_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MILLISECOND = datetime.timedelta(milliseconds=1)
TIMESTAMP, BIG_INTEGER = -1, 1
# A level of nesting costs three calls here, and Python stops at 1 000 calls unless it is told otherwise.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 4 * MAX_NESTING))


class Malformed(Exception):
    """Bytes that are not as the protocol says. They end the session that they came by."""


class Writer:
    """Gathers the bytes of one or more records."""

    def __init__(self):
        self.bytes = bytearray()

    def u8(self, number):
        self.bytes.append(number)
        return self

    def raw(self, data):
        self.bytes += data
        return self

    def number(self, number):
        if not 0 <= number <= MAX_SAFE:
            raise ValueError(f"{number} is no number of this protocol")
        while number > 0x7F:
            self.bytes.append(number & 0x7F | 0x80)
            number >>= 7
        self.bytes.append(number)
        return self

    def text(self, text):
        data = text.encode("utf-8")
        return self.number(len(data)).raw(data)

    def optional_name(self, name):
        return self.u8(0) if name is None else self.u8(1).text(name)

    def value(self, value, depth=0):
        """A value as MessagePack. Raises TypeError or ValueError for what cannot travel."""
        if depth > MAX_NESTING:
            raise ValueError("a value that is nested too deeply")
        if value is None:
            self.u8(0xC0)
        elif value is False or value is True:
            self.u8(0xC3 if value else 0xC2)
        elif isinstance(value, int):
            self._integer(value)
        elif isinstance(value, float):
            if value != value or value in (float("inf"), float("-inf")):
                raise ValueError(f"{value} cannot travel")
            self.raw(struct.pack(">Bd", 0xCB, value))
        elif isinstance(value, str):
            data = value.encode("utf-8")
            self._length(len(data), (0xA0, 32), (0xD9, 0xDA, 0xDB)).raw(data)
        elif isinstance(value, (bytes, bytearray, memoryview)):
            self._length(len(value), None, (0xC4, 0xC5, 0xC6)).raw(value)
        elif isinstance(value, (list, tuple)):
            self._length(len(value), (0x90, 16), (None, 0xDC, 0xDD))
            for item in value:
                self.value(item, depth + 1)
        elif isinstance(value, dict):
            self._length(len(value), (0x80, 16), (None, 0xDE, 0xDF))
            for key, item in value.items():
                if not isinstance(key, str):
                    raise TypeError(f"the key {key!r} of an object is no text")
                self.value(key).value(item, depth + 1)
        elif isinstance(value, datetime.datetime):
            self._timestamp(value)
        else:
            raise TypeError(f"a {type(value).__name__} cannot travel")
        return self

    def _integer(self, value):
        if 0 <= value < 128:
            self.u8(value)
        elif -32 <= value < 0:
            self.u8(value & 0xFF)
        elif 0 <= value < 2**32:
            code, form = (0xCC, ">BB") if value < 2**8 else (0xCD, ">BH") if value < 2**16 else (0xCE, ">BI")
            self.raw(struct.pack(form, code, value))
        elif -(2**31) <= value < 0:
            code, form = (0xD0, ">Bb") if value >= -(2**7) else (0xD1, ">Bh") if value >= -(2**15) else (0xD2, ">Bi")
            self.raw(struct.pack(form, code, value))
        elif -MAX_SAFE <= value <= MAX_SAFE:
            self.raw(struct.pack(">Bd", 0xCB, value))
        else:
            magnitude = abs(value).to_bytes((abs(value).bit_length() + 7) // 8, "big")
            self._extension(BIG_INTEGER, bytes([value < 0]) + magnitude)

    def _timestamp(self, moment):
        milliseconds = (moment - EPOCH) // MILLISECOND
        seconds, rest = divmod(milliseconds, 1_000)
        self._extension(TIMESTAMP, struct.pack(">Iq", rest * 1_000_000, seconds))

    def _extension(self, kind, data):
        self._length(len(data), None, (0xC7, 0xC8, 0xC9)).raw(struct.pack(">b", kind)).raw(data)

    def _length(self, length, short, codes):
        """A head with a length: in one byte where `short` has room, else as 8, 16 or 32 bits behind one of `codes`."""
        if short is not None and length < short[1]:
            return self.u8(short[0] | length)
        for code, form, bound in zip(codes, (">BB", ">BH", ">BI"), (2**8, 2**16, 2**32)):
            if code is not None and length < bound:
                return self.raw(struct.pack(form, code, length))
        raise ValueError("a value that is too long")


class Reader:
    """Reads the bytes of one frame. Each method raises Malformed where they are not as they should be."""

    def __init__(self, frame):
        self.bytes = frame
        self.position = 0

    @property
    def has_more(self):
        return self.position < len(self.bytes)

    def raw(self, length):
        end = self.position + length
        if end > len(self.bytes):
            raise Malformed("a record that its frame cuts short")
        data = self.bytes[self.position : end]
        self.position = end
        return data

    def u8(self):
        return self.raw(1)[0]

    def number(self):
        number = 0
        for place in range(8):
            byte = self.u8()
            number |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                if number > MAX_SAFE:
                    break
                return number
        raise Malformed("a number out of bounds")

    def text(self):
        return self._utf8(self.number())

    def name(self):
        length = self.number()
        if not 1 <= length <= MAX_NAME_BYTES:
            raise Malformed("a name out of bounds")
        return self._utf8(length)

    def optional_name(self):
        present = self.u8()
        if present > 1:
            raise Malformed("neither a name nor none")
        return self.name() if present else None

    def object(self):
        value = self.value()
        if not isinstance(value, dict):
            raise Malformed("an object was expected")
        return value

    def value(self, depth=0):
        if depth > MAX_NESTING:
            raise Malformed("a value that is nested too deeply")
        head = self.u8()
        if head < 0x80:
            return head
        if head >= 0xE0:
            return head - 256
        if head < 0x90:
            return self._map(head & 0x0F, depth)
        if head < 0xA0:
            return self._array(head & 0x0F, depth)
        if head < 0xC0:
            return self._utf8(head & 0x1F)
        if head in (0xC0, 0xC2, 0xC3):
            return None if head == 0xC0 else head == 0xC3
        if head in FLOATS:
            return self._float(*FLOATS[head])
        if head in INTEGERS:
            return self._within(self._unpack(*INTEGERS[head]))
        if head in LENGTHS:
            kind, form, size = LENGTHS[head]
            length = self._unpack(form, size)
            if kind == "str":
                return self._utf8(length)
            if kind == "bin":
                return bytes(self.raw(length))
            if kind == "ext":
                return self._extension(length)
            return self._array(length, depth) if kind == "array" else self._map(length, depth)
        if 0xD4 <= head <= 0xD8:
            return self._extension(1 << (head - 0xD4))
        raise Malformed(f"0x{head:02x} begins no value")

    def _unpack(self, form, size):
        return struct.unpack(form, self.raw(size))[0]

    def _float(self, form, size):
        number = self._unpack(form, size)
        if number != number or number in (float("inf"), float("-inf")):
            raise Malformed("a number that is not finite")
        # The other side has one kind of number: what is whole there is an int here.
        return int(number) if number.is_integer() and abs(number) <= MAX_SAFE and number != 0 else number

    def _within(self, number):
        if abs(number) > MAX_SAFE:
            raise Malformed("an integer beyond 2^53")
        return number

    def _utf8(self, length):
        try:
            return bytes(self.raw(length)).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("a text that is no UTF-8") from error

    def _array(self, length, depth):
        return [self.value(depth + 1) for _ in range(length)]

    def _map(self, length, depth):
        found = {}
        for _ in range(length):
            key = self.value(depth + 1)
            if not isinstance(key, str):
                raise Malformed("a key that is no text")
            found[key] = self.value(depth + 1)
        return found

    def _extension(self, length):
        kind = struct.unpack(">b", self.raw(1))[0]
        data = bytes(self.raw(length))
        if kind == BIG_INTEGER and length > 0 and data[0] <= 1 and (length == 1 or data[1] != 0):
            magnitude = int.from_bytes(data[1:], "big")
            return -magnitude if data[0] else magnitude
        if kind == TIMESTAMP and length in (4, 8, 12):
            return self._moment(data)
        raise Malformed(f"an extension {kind} of {length} bytes")

    def _moment(self, data):
        if len(data) == 12:
            nanoseconds, seconds = struct.unpack(">Iq", data)
        else:
            whole = int.from_bytes(data, "big")
            nanoseconds, seconds = (whole >> 34, whole & (2**34 - 1)) if len(data) == 8 else (0, whole)
        try:
            return EPOCH + datetime.timedelta(seconds=seconds, milliseconds=nanoseconds // 1_000_000)
        except OverflowError as error:
            raise Malformed("a time that Python has no date for") from error


FLOATS = {0xCA: (">f", 4), 0xCB: (">d", 8)}
INTEGERS = {0xCC: (">B", 1), 0xCD: (">H", 2), 0xCE: (">I", 4), 0xCF: (">Q", 8)}
INTEGERS |= {0xD0: (">b", 1), 0xD1: (">h", 2), 0xD2: (">i", 4), 0xD3: (">q", 8)}
LENGTHS = {
    first + step: (kind, form, size)
    for kind, first, forms in (
        ("bin", 0xC4, ((">B", 1), (">H", 2), (">I", 4))),
        ("ext", 0xC7, ((">B", 1), (">H", 2), (">I", 4))),
        ("str", 0xD9, ((">B", 1), (">H", 2), (">I", 4))),
        ("array", 0xDC, ((">H", 2), (">I", 4))),
        ("map", 0xDE, ((">H", 2), (">I", 4))),
    )
    for step, (form, size) in enumerate(forms)
}
