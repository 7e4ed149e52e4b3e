"""The world `map-udf`."""

from wit_world.imports.outputs import Emitted

from .. import guest
from ..run import registered

_udf = registered("map")
guest.to_host_log()


class Lifecycle:
    """`lifecycle`."""

    def init(self, config):
        """Take the config."""
        guest.init(_udf, config)


class Mapper:
    """`mapper`."""

    def apply(self, input):
        """Outputs of each row."""
        data, index, parents, errors = _udf.calls(input)
        return Emitted(guest.batch(data, index), parents, guest.row_errors(errors))
