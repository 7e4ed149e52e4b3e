"""Keeps orders of at least `minimum` cents in a known currency. Bad JSON is a row error, an unwanted order is not."""

from dataclasses import dataclass, field

import sluicebox_udf as sb


@dataclass
class Order:
    amount: int
    currency: str


@dataclass
class Config:
    minimum: int = 1
    """Smallest amount to keep, in cents."""
    currencies: list = field(default_factory=lambda: ["EUR", "USD", "GBP"])


@sb.filter(value=Order, config=Config)
def valid(order, config):
    return order.amount >= config.minimum and order.currency in config.currencies
