"""The operator's config."""

import dataclasses

from .output import message
from .record import parse
from .typed import of_dataclass


class Refused(Exception):
    """Why a config is refused."""


class Config:
    """The config between `init` and calls."""

    def __init__(self, read):
        self._read = of_dataclass(read, "config") if dataclasses.is_dataclass(read) else read
        self.value = None

    def init(self, text: str) -> None:
        """Take the config, JSON text. Raises `Refused`."""
        try:
            given = parse(text)
            self.value = given if self._read is None else self._read(given)
        except BaseException as error:
            raise Refused(message(error)) from error
