"""Keeps orders of at least a minimum amount. An order that can't be read is a row error: `on_error` of the job says what becomes of it."""

from dataclasses import dataclass

import sluicebox_udf as sb


@dataclass
class Config:
    """The operator's `config`."""

    minimum: int = 0
    """Smallest amount to keep, in cents."""


@sb.filter(config=Config)
def keep(order, config):
    if not isinstance(order["amount"], int):
        raise ValueError("the order has no amount")
    return order["amount"] >= config.minimum
