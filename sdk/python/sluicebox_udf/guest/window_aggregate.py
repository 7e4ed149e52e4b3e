"""The world `window-aggregate-udf`."""

from wit_world.exports.window_aggregate import Accumulated
from wit_world.imports.outputs import Emitted
from wit_world.imports.records import Packed

from .. import guest

_calls, Lifecycle = guest.start("window-aggregate")


def _accumulated(done):
    packed, errors = done
    return Accumulated(Packed(*packed), guest.row_errors(errors))


class WindowAggregate:
    """`window-aggregate`."""

    def accumulate(self, accumulators, groups, input):
        """Fold rows."""
        return _accumulated(_calls.accumulate(accumulators, groups, input))

    def merge(self, left, right):
        """Merge pairs."""
        return _accumulated(_calls.merge(left, right))

    def finish(self, keys, windows, accumulators):
        """Results of closed windows."""
        data, index, parents, errors = _calls.finish(keys, windows, accumulators)
        return Emitted(guest.batch(data, index), parents, guest.row_errors(errors))
