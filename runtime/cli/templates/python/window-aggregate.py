"""For each key and window: how many orders, and the sum of their amounts. An order that can't be read is a row error: `on_error` of the job says
what becomes of it."""

import sluicebox_udf as sb


@sb.window_aggregate
class Total:
    """What is kept of the orders of a key and window. The host keeps it as JSON, so nothing may depend on how orders are split into calls."""

    def __init__(self):
        self.orders = 0
        self.amount = 0

    def accumulate(self, order):
        if not isinstance(order["amount"], int):
            raise ValueError("the order has no amount")
        self.orders += 1
        self.amount += order["amount"]

    def merge(self, later):
        self.orders += later.orders
        self.amount += later.amount

    def finish(self, window):
        return {"user": window.key, "window_start_ms": window.start_ms, "orders": self.orders, "amount": self.amount}
