"""What a function gets: values, their records, windows."""

import dataclasses
import json

from .packed import HEADERS, KEY, VALUE, Reader, unpack_headers
from .typed import of_dataclass


def _no_constant(name: str):
    raise ValueError(f"{name} is not JSON")


parse = json.JSONDecoder(parse_constant=_no_constant).decode
"""A JSON text to dicts, lists, texts, numbers, bools and None."""


def value_reader(form):
    """How values are read: a function of `Reader` and row. `form` is a name, a dataclass, or a function of what JSON says."""
    if dataclasses.is_dataclass(form):
        form = of_dataclass(form, "field", keeps_unknown=True)
    if callable(form):
        return lambda reader, row: form(_json(reader, row))
    if form == "bytes":
        return lambda reader, row: reader.bytes(row, VALUE)
    if form == "text":
        return lambda reader, row: reader.text(row, VALUE)
    if form == "json":
        return _json
    raise ValueError(f'value="{form}" is none of "json", "text", "bytes"')


def _json(reader: Reader, row: int):
    text = reader.text(row, VALUE)
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"value is not JSON: {error}") from None


class Record:
    """A value's record. It is valid for the call."""

    __slots__ = ("_reader", "_row")

    def __init__(self, reader: Reader, row: int):
        self._reader = reader
        self._row = row

    @property
    def key(self) -> "str | None":
        """The key as text; None is null. Raises where it is not UTF-8."""
        return self._reader.text(self._row, KEY)

    @property
    def key_bytes(self) -> "bytes | None":
        """The key's bytes; None is null."""
        return self._reader.bytes(self._row, KEY)

    @property
    def timestamp_ms(self) -> int:
        """Event time in milliseconds since 1970."""
        return self._reader.timestamps[self._row]

    @property
    def headers(self) -> "list[tuple[str, bytes | None]]":
        """Headers in order: (name, value). Names may repeat."""
        return unpack_headers(self._reader.bytes(self._row, HEADERS))

    def header(self, name: str, default=None):
        """Value of the last header of this name: bytes, or None where it is null; `default`: there is none."""
        for own, value in reversed(self.headers):
            if own == name:
                return value
        return default


class Window:
    """A closed window of one key."""

    __slots__ = ("end_ms", "key_bytes", "start_ms")

    def __init__(self, key_bytes, start_ms: int, end_ms: int):
        self.key_bytes = key_bytes
        """The key's bytes; None is null."""
        self.start_ms = start_ms
        """First millisecond since 1970 of the window."""
        self.end_ms = end_ms
        """First millisecond after it."""

    @property
    def key(self) -> str:
        """The key as text. Raises where it is null or not UTF-8."""
        if self.key_bytes is None:
            raise ValueError("the key is null")
        try:
            return self.key_bytes.decode()
        except UnicodeDecodeError:
            raise ValueError("the key is not UTF-8") from None
