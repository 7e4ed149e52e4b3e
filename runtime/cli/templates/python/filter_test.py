"""Unit tests: `python3 -m unittest`."""

import unittest

from sluicebox_udf import testing
from udf import keep


class Keep(unittest.TestCase):
    def test_keeps_large_orders(self):
        orders = [{"user": "ann", "amount": 1000}, {"user": "bob", "amount": 999}, {"user": "bob", "amount": "?"}]
        done = testing.run_filter(keep, {"minimum": 1000}, orders)
        self.assertEqual(done.kept, [0])
        self.assertEqual(done.errors, {2: "the order has no amount"})
