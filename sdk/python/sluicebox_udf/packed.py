"""Packed batches and byte strings, as wit/udf.wit lays them out. An index is a list of numbers."""

import struct

NULL = 0xFFFFFFFF
"""Length of a null field."""
SAME = 0xFFFFFFFE
"""Length of a field that is the same as its parent's."""
STRIDE = 6
"""Numbers of a record in an index."""
KEY, VALUE, HEADERS = 0, 2, 4
"""Where a field begins in them."""


class Reader:
    """Reads the fields of a batch. One that is all ASCII, as most are, is made text once, and its fields are parts of that."""

    __slots__ = ("data", "index", "rows", "timestamps", "whole")

    def __init__(self, batch):
        self.data = batch.data
        self.index = batch.index
        self.timestamps = batch.timestamps
        self.rows = len(batch.index) // STRIDE
        self.whole = batch.data.decode("ascii") if batch.data.isascii() else None

    def bytes(self, row: int, field: int):
        """Bytes of a field; None is null."""
        at = row * STRIDE + field
        length = self.index[at + 1]
        if length == NULL:
            return None
        offset = self.index[at]
        return self.data[offset : offset + length]

    def text(self, row: int, field: int):
        """The same as text. Raises where it is not UTF-8."""
        at = row * STRIDE + field
        length = self.index[at + 1]
        if length == NULL:
            return None
        offset = self.index[at]
        if self.whole is not None:
            return self.whole[offset : offset + length]
        return self.data[offset : offset + length].decode()


def unpack(packed) -> list:
    """Items of packed byte strings; None is null."""
    data, index = packed.data, packed.index
    return [
        None if index[i + 1] == NULL else data[index[i] : index[i] + index[i + 1]]
        for i in range(0, len(index), 2)
    ]


def pack(items) -> tuple:
    """The other way around: data and index."""
    parts, index, length = [], [], 0
    for item in items:
        if item is None:
            index += (0, NULL)
            continue
        index += (length, len(item))
        parts.append(item)
        length += len(item)
    return b"".join(parts), index


def unpack_headers(packed) -> list:
    """Headers of a packed field: (name, value), the value as bytes or None."""
    headers, at = [], 0
    while packed is not None and at + 4 <= len(packed):
        (length,) = struct.unpack_from("<I", packed, at)
        name = packed[at + 4 : at + 4 + length].decode()
        at += 4 + length
        (length,) = struct.unpack_from("<I", packed, at)
        at += 4
        if length == NULL:
            headers.append((name, None))
        else:
            headers.append((name, packed[at : at + length]))
            at += length
    return headers


def pack_headers(headers) -> bytes:
    """Packed headers of (name, value); values are bytes, texts or None."""
    parts = []
    for name, value in headers:
        name = name.encode()
        parts += (struct.pack("<I", len(name)), name)
        if value is None:
            parts.append(struct.pack("<I", NULL))
            continue
        value = value.encode() if isinstance(value, str) else value
        parts += (struct.pack("<I", len(value)), value)
    return b"".join(parts)
