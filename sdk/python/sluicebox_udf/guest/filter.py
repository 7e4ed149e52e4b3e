"""The world `filter-udf`."""

from wit_world.exports.filter import Kept

from .. import guest

_calls, Lifecycle = guest.start("filter")


class Filter:
    """`filter`."""

    def keep(self, input):
        """Rows to keep."""
        bitmap, errors = _calls(input)
        return Kept(bitmap, guest.row_errors(errors))
