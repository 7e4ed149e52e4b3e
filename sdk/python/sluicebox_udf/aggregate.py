"""Window-aggregates: accumulators belong to the host, as bytes."""

from .config import Config
from .output import Sink, message, to_json
from .packed import Reader, pack, unpack
from .record import Record, Window, parse, value_reader
from .run import Udf, register, wanted


def window_aggregate(cls=None, *, config=None, value="json"):
    """A UDF of a class, whose objects fold the records of a key and window.

    `Class()` is a new one. `accumulate(self, value)` and `merge(self, later)` change it; `finish(self, window)` returns the result (None: there is
    none). Each may take the config as one more argument, and `accumulate` the `Record` after that. A row that fails leaves its accumulator as
    it was.

    Between calls an accumulator is its attributes as JSON, unless the class has `to_bytes(self)` and a class method `from_bytes(cls, data)`.
    """

    def made(cls):
        own = Config(config)
        return register(cls, Udf("window-aggregate", own, Aggregation(cls, own, value_reader(value))))

    return made if cls is None else made(cls)


def _with_config(function, config: Config):
    """A method of one argument that may take the config, too."""
    if wanted(function, 3) == 3:
        return lambda self, argument: function(self, argument, config.value)
    return function


class Aggregation:
    """The calls of the contract."""

    def __init__(self, cls, config: Config, read):
        self._cls, self._config, self._read = cls, config, read
        self._merge = _with_config(cls.merge, config)
        self._finish = _with_config(cls.finish, config)
        self._arguments = wanted(cls.accumulate, 4)
        self._is_own = hasattr(cls, "to_bytes")

    def _open(self, data):
        if data is None:
            return self._cls()
        if self._is_own:
            return self._cls.from_bytes(data)
        state = self._cls.__new__(self._cls)
        state.__dict__.update(parse(data.decode()))
        return state

    def _close(self, state) -> bytes:
        return state.to_bytes() if self._is_own else to_json(state.__dict__).encode()

    def _fold(self, state, value, reader, row):
        if self._arguments == 2:
            state.accumulate(value)
        elif self._arguments == 3:
            state.accumulate(value, self._config.value)
        else:
            state.accumulate(value, self._config.value, Record(reader, row))

    def accumulate(self, accumulators, groups, input) -> tuple:
        """Packed accumulators, and errors."""
        before = unpack(accumulators)
        folding = Folding(self, before, groups, Reader(input))
        errors = []
        for row in range(folding.reader.rows):
            error = folding.fold(row)
            if error is not None:
                errors.append((row, message(error)))
        return pack(folding.closed()), errors

    def merge(self, left, right) -> tuple:
        """Packed accumulators, and errors."""
        merged, errors = [], []
        for row, (one, other) in enumerate(zip(unpack(left), unpack(right))):
            if one is None or other is None:
                # Where one of them is new the other is the result.
                merged.append(other if one is None else one)
                continue
            try:
                state = self._open(one)
                self._merge(state, self._open(other))
                merged.append(self._close(state))
            except BaseException as error:
                errors.append((row, message(error)))
                merged.append(one)
        return pack(merged), errors

    def finish(self, keys, windows, accumulators) -> tuple:
        """As `Sink.emitted`."""
        sink = Sink()

        def result(row, key, data):
            made = self._finish(self._open(data), Window(key, windows[row * 2], windows[row * 2 + 1]))
            if made is not None:
                sink.push(row, made)

        for row, (key, data) in enumerate(zip(unpack(keys), unpack(accumulators))):
            sink.row(row, lambda row=row, key=key, data=data: result(row, key, data))
        return sink.emitted()


class Folding:
    """Accumulators during a call."""

    def __init__(self, of: Aggregation, before, groups, reader):
        self._of, self._before, self._groups, self.reader = of, before, groups, reader
        self._states = [of._open(data) for data in before]
        self._touched = [False] * len(before)
        # What a group was, and the row after that: a row that fails may have changed it half way.
        self._whole = [(data, 0) for data in before]
        self._unread = set()

    def fold(self, row: int):
        """Fold a row; answers why it failed."""
        group = self._groups[row]
        try:
            value = self._of._read(self.reader, row)
        except BaseException as error:
            self._unread.add(row)
            return error
        try:
            self._of._fold(self._states[group], value, self.reader, row)
            self._touched[group] = True
        except BaseException as error:
            self._restore(group, row)
            return error
        return None

    def _restore(self, group: int, failed: int):
        """Fold again what worked since it was last kept, and keep it, so that no row is folded more than twice."""
        data, start = self._whole[group]
        state = self._of._open(data)
        for row in range(start, failed):
            if self._groups[row] == group and row not in self._unread:
                self._of._fold(state, self._of._read(self.reader, row), self.reader, row)
        self._states[group] = state
        self._whole[group] = (self._of._close(state) if self._touched[group] else data, failed + 1)

    def closed(self) -> list:
        """Bytes of each; of one that no row went into as it came."""
        groups = zip(self._touched, self._states, self._before)
        return [self._of._close(state) if touched else data for touched, state, data in groups]
