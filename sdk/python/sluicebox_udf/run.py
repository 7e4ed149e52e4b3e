"""Filters and maps: made once, run on packed batches."""

import functools
import inspect

from .config import Config
from .output import Sink, message
from .packed import Reader
from .record import Record, value_reader

_registered = None


class Udf:
    """A UDF in packed form. The entry of a module and `testing` use it."""

    def __init__(self, kind: str, config: Config, calls):
        self.kind = kind
        self.init = config.init
        self.calls = calls


def register(made, udf: Udf):
    """Keep it as the module's, and with what it was made of. Answers that."""
    global _registered
    _registered = udf
    made.__sluicebox__ = udf
    return made


def registered(kind: str):
    """The calls of the UDF that the module holds."""
    if _registered is None or _registered.kind != kind:
        raise RuntimeError(f"udf.py makes no {kind}: is the `kind` in sluicebox.yaml right?")
    return _registered


def wanted(function, most: int) -> int:
    """How many arguments a function takes, `most` at most."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return most
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if not 1 <= len(positional) <= most:
        raise TypeError(f"{function.__name__} takes {len(positional)} arguments: it can be given 1 to {most}")
    return len(positional)


def caller(function, config: Config):
    """A function of value, reader and row that gives `function` as many arguments as it takes."""
    count = wanted(function, 3)
    if count == 1:
        return lambda value, _reader, _row: function(value)
    if count == 2:
        return lambda value, _reader, _row: function(value, config.value)
    return lambda value, reader, row: function(value, config.value, Record(reader, row))


def _decorator(make):
    """`@name` and `@name(config=..., value=...)`."""

    @functools.wraps(make)
    def decorate(function=None, *, config=None, value="json"):
        def made(function):
            own = Config(config)
            return register(function, make(caller(function, own), own, value_reader(value)))

        return made if function is None else made(function)

    return decorate


@_decorator
def filter(keep, config, read):  # noqa: A001
    """A UDF of a function that says whether to keep a record."""

    def run(input):
        reader = Reader(input)
        bitmap = bytearray((reader.rows + 7) // 8)
        errors = []
        for row in range(reader.rows):
            try:
                keeps = keep(read(reader, row), reader, row)
                if keeps is True:
                    bitmap[row >> 3] |= 1 << (row & 7)
                elif keeps is not False:
                    raise TypeError(f"a filter must answer True or False, not {keeps!r}")
            except BaseException as error:  # Whatever it is, it is the row's.
                errors.append((row, message(error)))
        return bytes(bitmap), errors

    return Udf("filter", config, run)


@_decorator
def map(apply, config, read):  # noqa: A001
    """A UDF of a function that makes one output of each record; none where it returns None."""

    def outputs(sink, value, reader, row):
        made = apply(value, reader, row)
        if made is not None:
            sink.push(row, made, reader)

    return _mapper(outputs, config, read)


@_decorator
def flat_map(apply, config, read):
    """A UDF of a generator, or of a function that returns a list, of the outputs of a record."""

    def outputs(sink, value, reader, row):
        for made in apply(value, reader, row):
            if made is None:
                raise TypeError("an output is None: leave it out, or say tombstone()")
            sink.push(row, made, reader)

    return _mapper(outputs, config, read)


def _mapper(outputs, config, read):
    def run(input):
        reader = Reader(input)
        sink = Sink()
        for row in range(reader.rows):
            sink.row(row, lambda row=row: outputs(sink, read(reader, row), reader, row))
        return sink.emitted()

    return Udf("map", config, run)
