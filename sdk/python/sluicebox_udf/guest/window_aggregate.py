"""The world `window-aggregate-udf`."""

from wit_world.exports.window_aggregate import Accumulated
from wit_world.imports.outputs import Emitted
from wit_world.imports.records import Packed

from .. import guest
from ..run import registered

_udf = registered("window-aggregate")
guest.to_host_log()


class Lifecycle:
    """`lifecycle`."""

    def init(self, config):
        """Take the config."""
        guest.init(_udf, config)


def _accumulated(done):
    packed, errors = done
    return Accumulated(Packed(*packed), guest.row_errors(errors))


class WindowAggregate:
    """`window-aggregate`."""

    def accumulate(self, accumulators, groups, input):
        """Fold rows."""
        return _accumulated(_udf.calls.accumulate(accumulators, groups, input))

    def merge(self, left, right):
        """Merge pairs."""
        return _accumulated(_udf.calls.merge(left, right))

    def finish(self, keys, windows, accumulators):
        """Results of closed windows."""
        data, index, parents, errors = _udf.calls.finish(keys, windows, accumulators)
        return Emitted(guest.batch(data, index), parents, guest.row_errors(errors))
