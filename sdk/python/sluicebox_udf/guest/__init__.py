"""The exports of a component, on the bindings that componentize-py makes of the contract; one module for each of its worlds."""

from componentize_py_types import Err
from wit_world.imports import errors
from wit_world.imports import log as host
from wit_world.imports import records

from .. import log
from ..config import Refused
from ..run import registered

_LEVELS = {level.name.lower(): level for level in host.Level}


def start(kind: str):
    """The calls of the module's UDF of this kind, and the class for `lifecycle`; from now on its lines go to the job's log."""
    udf = registered(kind)
    log.write_to(lambda level, text: host.log(_LEVELS[level], text))

    class Lifecycle:
        """`lifecycle`."""

        def init(self, config):
            """Take the config."""
            try:
                udf.init(config)
            except Refused as refused:
                raise Err(str(refused)) from None

    return udf.calls, Lifecycle


def row_errors(found):
    """As the contract wants them."""
    return [errors.RowError(row, message) for row, message in found]


def batch(data, index):
    """A batch of outputs, which need no timestamps."""
    return records.Batch(data, index, [])
