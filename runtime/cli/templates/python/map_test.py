"""Unit tests: `python3 -m unittest`."""

import unittest

from sluicebox_udf import testing
from udf import rate


class Rate(unittest.TestCase):
    def test_says_whether_an_order_is_large(self):
        orders = [{"user": "ann", "amount": 1000}, {"user": "bob", "amount": "?"}]
        done = testing.run_map(rate, {"large": 1000}, orders)
        self.assertEqual([out.text for out in done.outputs], ['{"user":"ann","amount":1000,"large":true}'])
        self.assertEqual(done.errors, {1: "the order has no amount"})
