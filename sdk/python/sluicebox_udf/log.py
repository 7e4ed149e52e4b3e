"""Lines for the job's log. The host keeps 1 KiB of each, and so many a second."""

import sys


def _stderr(level: str, text: str) -> None:
    print(f"{level}: {text}", file=sys.stderr)


_write = _stderr


def write_to(write) -> None:
    """Where lines go: a function of level ("debug", "info", "warn", "error") and text. A module's entry sets it to the host's log."""
    global _write
    _write = write


def debug(text: object) -> None:
    """Of use when looking for a mistake."""
    _write("debug", str(text))


def info(text: object) -> None:
    """Worth to know."""
    _write("info", str(text))


def warn(text: object) -> None:
    """Worth to look at."""
    _write("warn", str(text))


def error(text: object) -> None:
    """Wrong."""
    _write("error", str(text))
