"""The world `filter-udf`."""

from wit_world.exports.filter import Kept

from .. import guest
from ..run import registered

_udf = registered("filter")
guest.to_host_log()


class Lifecycle:
    """`lifecycle`."""

    def init(self, config):
        """Take the config."""
        guest.init(_udf, config)


class Filter:
    """`filter`."""

    def keep(self, input):
        """Rows to keep."""
        bitmap, errors = _udf.calls(input)
        return Kept(bitmap, guest.row_errors(errors))
