"""Dataclasses from what JSON says: typed records, and configs."""

import dataclasses
import typing


def of_dataclass(kind, what: str, *, keeps_unknown: bool = False):
    """A function that makes a `kind` of a dict. It raises where a field is missing or of another type, and if need be where one is unknown; `what`
    is what messages call it."""
    types = typing.get_type_hints(kind)
    fields = {field.name: (_checker(types[field.name]), _has_default(field)) for field in dataclasses.fields(kind)}
    is_config = what == "config"

    def made(given):
        if given is None and is_config:
            given = {}
        if not isinstance(given, dict):
            raise ValueError("config must be a mapping" if is_config else "the value is null" if given is None else "value is not an object")
        if not keeps_unknown:
            for name in given:
                if name not in fields:
                    raise ValueError(f"{what}: unknown field `{name}`; there are {', '.join(fields)}")
        found = {}
        for name, (checked, has_default) in fields.items():
            if name in given:
                found[name] = checked(f"{what}.{name}" if is_config else f"field `{name}`", given[name])
            elif not has_default:
                raise ValueError(f"{what}: missing field `{name}`" if is_config else f"missing field `{name}`")
        return kind(**found)

    return made


def _has_default(field) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list", dict: "a mapping"}


def _checker(kind):
    """Of the plain types the value must be one; of others nothing is known."""
    kind = typing.get_origin(kind) or kind
    if kind not in _WORDS:
        return lambda _, value: value

    def checked(name: str, value):
        if type(value) is kind:
            return value
        if kind is float and type(value) is int:
            return float(value)
        raise ValueError(f"{name} must be {_WORDS[kind]}")

    return checked
