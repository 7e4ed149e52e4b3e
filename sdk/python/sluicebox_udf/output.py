"""What leaves: a value, and by default the parent's key and headers, which cross as "same as my parent's"."""

import json

from .packed import HEADERS, NULL, SAME, pack_headers

to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""A value to its JSON text, without spaces."""

_NULL, _SAME = (0, NULL), (0, SAME)
_UNSET = object()


class Output:
    """One output record with more than a value.

    `value` is anything that JSON writes, or bytes; `key` is text, bytes, or None for null; `headers`, a list of (name, value), are added to
    the parent's, which `without_headers` leaves out. What is not given is the parent's. The timestamp always is.
    """

    __slots__ = ("headers", "key", "value", "without_headers")

    def __init__(self, value, *, key=_UNSET, headers=(), without_headers=False):
        self.value = value
        self.key = key
        self.headers = headers
        self.without_headers = without_headers


def same_value(**options) -> Output:
    """An output of the parent's value, unread and uncopied. Options as of `Output`."""
    return Output(_SAME, **options)


def tombstone(**options) -> Output:
    """An output whose value is null. Options as of `Output`."""
    return Output(_NULL, **options)


def message(error: BaseException) -> str:
    """Text of an exception: of one that is raised with a text by hand that text, else with its kind."""
    text = str(error)
    if type(error) in (Exception, ValueError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class Sink:
    """Packs outputs."""

    def __init__(self):
        self.parts, self.index, self.parents, self.errors, self.length = [], [], [], [], 0

    def row(self, row: int, run) -> None:
        """Run a row; what it gave is taken back where it fails."""
        parts, index, parents, length = len(self.parts), len(self.index), len(self.parents), self.length
        try:
            run()
        except BaseException as error:  # Whatever it is, it is the row's.
            del self.parts[parts:], self.index[index:], self.parents[parents:]
            self.length = length
            self.errors.append((row, message(error)))

    def push(self, row: int, what, reader=None) -> None:
        """Pack one output of a row. `reader` has the headers that it may keep; a window has none."""
        key, headers = _SAME, _SAME if reader else _NULL
        if isinstance(what, Output):
            value = self._value(what.value, reader)
            if what.key is not _UNSET:
                key = self._bytes(what.key.encode() if isinstance(what.key, str) else what.key)
            if what.headers or what.without_headers:
                headers = self._headers(row, what, reader)
        else:
            value = self._value(what, reader)
        self.index += key
        self.index += value
        self.index += headers
        self.parents.append(row)

    def emitted(self) -> tuple:
        """Data, index, parents and errors."""
        return b"".join(self.parts), self.index, self.parents, self.errors

    def _value(self, value, reader):
        if value is _SAME and reader is None:
            raise ValueError("a window has no value to keep")
        if value is _SAME or value is _NULL:
            return value
        return self._bytes(value if isinstance(value, bytes) else to_json(value).encode())

    def _bytes(self, value):
        if value is None:
            return _NULL
        at = self.length
        self.parts.append(value)
        self.length += len(value)
        return at, len(value)

    def _headers(self, row: int, what: Output, reader):
        own = reader.bytes(row, HEADERS) if reader and not what.without_headers else None
        packed = (own or b"") + pack_headers(what.headers)
        return self._bytes(packed) if packed else _NULL
