"""Unit tests: `python3 -m unittest`."""

import unittest

from sluicebox_udf import testing
from udf import Total


class Totals(unittest.TestCase):
    def test_counts_and_sums_each_user(self):
        orders = [testing.record({"amount": amount}, key="ann") for amount in (1000, "?", -1)]
        done = testing.run_window(Total, None, 0, 60_000, orders)
        self.assertEqual([out.text for out in done.outputs], ['{"user":"ann","window_start_ms":0,"orders":2,"amount":999}'])
        self.assertEqual(done.errors, {1: "the order has no amount"})
