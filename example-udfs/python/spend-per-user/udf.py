"""Per user (the key) and window: how many orders, and the sum, the smallest and the largest of their values. Reads what orders-enrich
writes."""

from dataclasses import dataclass

import sluicebox_udf as sb

SUM_MAX = 2**63 - 1
"""As in the other languages: integers of Python have no end, those of whoever reads the results may."""


@dataclass
class Order:
    value_cents: int


@sb.window_aggregate(value=Order)
@dataclass
class Spend:
    count: int = 0
    sum_cents: int = 0
    min_cents: int = 0
    max_cents: int = 0

    def accumulate(self, order):
        self.merge(Spend(1, order.value_cents, order.value_cents, order.value_cents))

    def merge(self, later):
        if self.count == 0:
            self.__dict__.update(later.__dict__)
            return
        if not -SUM_MAX - 1 <= self.sum_cents + later.sum_cents <= SUM_MAX:
            raise ValueError("the sum overflows")
        self.count += later.count
        self.sum_cents += later.sum_cents
        self.min_cents = min(self.min_cents, later.min_cents)
        self.max_cents = max(self.max_cents, later.max_cents)

    def finish(self, window):
        return {"user": window.key, "window_start": window.start_ms, **self.__dict__}
