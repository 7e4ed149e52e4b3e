"""Runs a UDF natively, through the packing that the host uses: the standard library's `unittest` is enough."""

import json
from collections import namedtuple

from .config import Refused
from .output import to_json
from .packed import NULL, SAME, STRIDE, pack, pack_headers, unpack_headers

Input = namedtuple("Input", "value key headers timestamp_ms")
Batch = namedtuple("Batch", "data index timestamps")
Packed = namedtuple("Packed", "data index")


class Output(namedtuple("Output", "parent key value headers")):
    """What left: the number of its input (of a window: of its group), and the bytes of key and value (None is null)."""

    @property
    def text(self) -> str:
        """The value as text."""
        return self.value.decode()

    @property
    def json(self):
        """The value as JSON says."""
        return json.loads(self.value)


Done = namedtuple("Done", "outputs errors")
Kept = namedtuple("Kept", "kept errors")


def record(value, key=None, headers=(), timestamp_ms=0) -> Input:
    """A record; a value that is neither text nor bytes nor None becomes JSON."""
    return Input(value, key, headers, timestamp_ms)


def _inputs(values) -> list:
    return [value if isinstance(value, Input) else record(value) for value in values]


def _bytes(value):
    if value is None or isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else to_json(value)).encode()


def _batch(inputs) -> Batch:
    fields = []
    for each in inputs:
        fields += (_bytes(each.key), _bytes(each.value), pack_headers(each.headers) or None)
    return Batch(*pack(fields), [each.timestamp_ms for each in inputs])


def _start(udf, config, kind):
    made = getattr(udf, "__sluicebox__", None)
    if made is None or made.kind != kind:
        raise TypeError(f"{udf!r} is no {kind}")
    made.init(json.dumps(config))
    return made.calls


def refusal(udf, config) -> "str | None":
    """Why a config is refused; None if it is not."""
    try:
        udf.__sluicebox__.init(json.dumps(config))
    except Refused as refused:
        return str(refused)
    return None


def run_filter(udf, config, values) -> Kept:
    """Numbers of the records that a filter keeps, and a dict of the errors by number."""
    inputs = _inputs(values)
    bitmap, errors = _start(udf, config, "filter")(_batch(inputs))
    return Kept([row for row in range(len(inputs)) if bitmap[row >> 3] >> (row & 7) & 1], dict(errors))


def run_map(udf, config, values) -> Done:
    """What a map makes, and a dict of the errors by number."""
    batch = _batch(_inputs(values))
    emitted = _start(udf, config, "map")(batch)
    return Done(_outputs(emitted, batch), dict(emitted[3]))


def _field(batch, row: int, field: int, parents, parent: int):
    offset, length = batch.index[row * STRIDE + field : row * STRIDE + field + 2]
    if length == NULL:
        return None
    if length == SAME:
        return _field(parents, parent, field, None, 0)
    return batch.data[offset : offset + length]


def _outputs(emitted, parents) -> list:
    data, index, of, _ = emitted
    batch = Batch(data, index, [])
    outputs = []
    for row, parent in enumerate(of):
        key, value, headers = (_field(batch, row, field, parents, parent) for field in (0, 2, 4))
        outputs.append(Output(parent, key, value, unpack_headers(headers)))
    return outputs


def run_window(udf, config, start_ms: int, end_ms: int, values) -> Done:
    """Results of one window, a group for each key in order of appearance.

    Raises AssertionError if they depend on how the records are split: accumulated one by one, or in two parts that are merged.
    """
    calls = _start(udf, config, "window-aggregate")
    inputs = _inputs(values)
    keys = list(dict.fromkeys(each.key for each in inputs))
    fresh = Packed(*pack([None] * len(keys)))

    def fold(accumulators, some):
        packed, errors = calls.accumulate(accumulators, [keys.index(each.key) for each in some], _batch(some))
        return Packed(*packed), errors

    def finish(accumulators):
        windows = [start_ms, end_ms] * len(keys)
        emitted = calls.finish(Packed(*pack([_bytes(key) for key in keys])), windows, accumulators)
        return _outputs(emitted, _batch([record(None, key) for key in keys]))

    whole, errors = fold(fresh, inputs)
    outputs = finish(whole)
    stepwise = fresh
    for each in inputs:
        stepwise = fold(stepwise, [each])[0]
    _same("record by record", finish(stepwise), outputs)
    half = len(inputs) // 2
    merged, failed = calls.merge(fold(fresh, inputs[:half])[0], fold(fresh, inputs[half:])[0])
    if not failed:
        _same("merged", finish(Packed(*merged)), outputs)
    return Done(outputs, dict(errors))


def _same(way: str, other, outputs) -> None:
    if other != outputs:
        raise AssertionError(f"{way}: {other}\nat once: {outputs}")
