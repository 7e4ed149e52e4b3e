"""Adds to each order whether it is large. An order that can't be read is a row error: `on_error` of the job says what becomes of it."""

from dataclasses import dataclass

import sluicebox_udf as sb


@dataclass
class Config:
    """The operator's `config`."""

    large: int = 0
    """Orders of this amount or more are, in cents."""


@sb.map(config=Config)
def rate(order, config):
    if not isinstance(order["amount"], int):
        raise ValueError("the order has no amount")
    return {"user": order["user"], "amount": order["amount"], "large": order["amount"] >= config.large}
