"""The world `map-udf`."""

from wit_world.imports.outputs import Emitted

from .. import guest

_calls, Lifecycle = guest.start("map")


class Mapper:
    """`mapper`."""

    def apply(self, input):
        """Outputs of each row."""
        data, index, parents, errors = _calls(input)
        return Emitted(guest.batch(data, index), parents, guest.row_errors(errors))
