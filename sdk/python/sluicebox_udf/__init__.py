"""UDFs for sluicebox in Python.

    import sluicebox_udf as sb

    @sb.filter
    def large(order, config):
        return order["amount"] >= config["minimum"]

- `filter`, `map`, `flat_map` and `window_aggregate` make a UDF of a function or a class; a module holds one.
- Values are JSON unless the option `value` says "text" or "bytes", or is a dataclass (typed records). A function takes the value, then, if it has more parameters, the
  operator's config, then the `Record`: key, headers, timestamp.
- An exception is a row error with its text; the job decides what happens to such a row.
- The option `config` checks the config: a dataclass (unknown and missing fields are refused), or a function of what JSON gave.
- `log.debug`, `log.info`, `log.warn` and `log.error` write to the job's log.
- `sluicebox_udf.testing` runs a UDF natively, through the same packing.

Be deterministic: the same rows must give the same outputs on any instance, however they are split into calls.
"""

from . import log
from .aggregate import window_aggregate
from .output import Output, same_value, tombstone
from .record import Record, Window
from .run import filter, flat_map, map  # noqa: A004  (their names in this field)

__all__ = [
    "Output",
    "Record",
    "Window",
    "filter",
    "flat_map",
    "log",
    "map",
    "same_value",
    "tombstone",
    "window_aggregate",
]
