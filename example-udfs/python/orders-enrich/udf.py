"""Renames `amount` to `amount_cents` and adds what it is worth in another currency, by the configured rates."""

import math
from dataclasses import dataclass, field

import sluicebox_udf as sb


@dataclass
class Order:
    order: int
    user: str
    amount: int
    currency: str
    item: str


@dataclass
class Config:
    currency: str
    """Currency that values are given in."""
    rates: dict = field(default_factory=dict)
    """What one unit of another currency is worth in it."""


def rounded(cents: float) -> int:
    """Half away from zero, as the other languages round."""
    return int(math.copysign(math.floor(abs(cents) + 0.5), cents))


@sb.map(value=Order, config=Config)
def enrich(order, config):
    rate = config.rates.get(order.currency, 1 if order.currency == config.currency else None)
    if rate is None:
        raise ValueError(f"no rate for currency {order.currency}")
    return {
        "order": order.order,
        "user": order.user,
        "item": order.item,
        "amount_cents": order.amount,
        "currency": order.currency,
        "value_cents": rounded(order.amount * rate),
        "value_currency": config.currency,
    }
