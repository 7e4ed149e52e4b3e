"""The SDK, through `sluicebox_udf.testing`."""

import dataclasses
import unittest

import sluicebox_udf as sb
from sluicebox_udf import testing
from sluicebox_udf.testing import record, refusal, run_filter, run_map, run_window


@dataclasses.dataclass
class Minimum:
    minimum: int = 1
    names: list = dataclasses.field(default_factory=list)


@sb.filter(config=Minimum)
def large(order, config):
    if order is None:
        raise ValueError("a tombstone")
    return order["amount"] >= config.minimum


class Filters(unittest.TestCase):
    def test_what_is_raised_is_the_rows_error(self):
        values = [{"amount": 5}, {"amount": 1}, None, "{", {}, {"amount": "x"}, "NaN"] + [{"amount": 9}] * 5
        done = run_filter(large, {"minimum": 2}, values)
        self.assertEqual(done.kept, [0, 7, 8, 9, 10, 11])
        self.assertEqual(done.errors[2], "a tombstone")
        self.assertIn("value is not JSON", done.errors[3])
        self.assertEqual(done.errors[4], "KeyError: 'amount'")
        self.assertIn("TypeError", done.errors[5])
        self.assertIn("NaN is not JSON", done.errors[6])

    def test_an_empty_batch_is_answered(self):
        self.assertEqual(run_filter(large, None, []), ([], {}))

    def test_an_answer_that_is_no_bool_and_an_exit_are_errors(self):
        self.assertIn("not None", run_filter(sb.filter(lambda v: None), None, ["1"]).errors[0])

        @sb.filter
        def leave(value):
            raise SystemExit(1)

        self.assertEqual(run_filter(leave, None, ["1"]).errors, {0: "SystemExit: 1"})

    def test_configs_that_do_not_fit_are_refused(self):
        self.assertIsNone(refusal(large, None))
        self.assertIsNone(refusal(large, {"names": ["a"]}))
        self.assertEqual(refusal(large, {"minimun": 1}), "config: unknown field `minimun`; there are minimum, names")
        self.assertEqual(refusal(large, {"minimum": True}), "config.minimum must be a whole number")
        self.assertEqual(refusal(large, [1]), "config must be a mapping")

        @dataclasses.dataclass
        class Needed:
            currency: str
            rate: float = 1

        needs = sb.filter(config=Needed)(lambda value, config: config.rate == 2.0)
        self.assertEqual(refusal(needs, {}), "config: missing field `currency`")
        self.assertEqual(run_filter(needs, {"currency": "EUR", "rate": 2}, ["0"]).kept, [0])


@dataclasses.dataclass
class Order:
    amount: int
    rate: float = 1.0
    note: "str | None" = None


class TypedRecords(unittest.TestCase):
    def test_a_field_that_is_missing_or_of_another_type_is_the_rows_error(self):
        typed = sb.filter(value=Order)(lambda order: order.amount * order.rate > 1)
        values = ['{"amount":2,"more":[]}', '{"amount":1,"rate":2,"note":"n"}', "{}", '{"amount":1.5}', '{"amount":true}', "[]", None]
        done = run_filter(typed, None, values)
        self.assertEqual(done.kept, [0, 1])
        self.assertEqual(
            done.errors,
            {
                2: "missing field `amount`",
                3: "field `amount` must be a whole number",
                4: "field `amount` must be a whole number",
                5: "value is not an object",
                6: "the value is null",
            },
        )


class Maps(unittest.TestCase):
    def test_records_have_keys_headers_and_times(self):
        @sb.map
        def shown(value, _config, r):
            return [r.key, r.timestamp_ms, r.header("a").decode(), r.header("n", 1), len(r.headers)]

        headers = [("a", "1"), ("a", "ü"), ("n", None)]
        done = run_map(shown, None, [record("{}", "kéy", headers, -5), record("{}")])
        self.assertEqual(done.outputs[0].text, '["kéy",-5,"ü",null,3]')
        self.assertEqual(done.outputs[0].key, "kéy".encode())
        self.assertEqual(done.outputs[0].headers, [("a", b"1"), ("a", "ü".encode()), ("n", None)])
        self.assertIn("AttributeError", done.errors[1])

    def test_none_one_or_many_and_what_failed_leaves_nothing(self):
        @sb.flat_map(value="text")
        def each(text):
            for word in text.split():
                if word == "bad":
                    raise ValueError("a bad word")
                yield word

        done = run_map(each, None, ["a bb", "", "c bad", "d"])
        self.assertEqual([(out.parent, out.text) for out in done.outputs], [(0, '"a"'), (0, '"bb"'), (3, '"d"')])
        self.assertEqual(done.errors, {2: "a bad word"})
        self.assertEqual(run_map(sb.map(lambda value: None), None, ["1"]).outputs, [])

    def test_outputs_may_have_more_than_a_value(self):
        @sb.flat_map(value="bytes")
        def all_of_them(value):
            yield sb.same_value(key="k", headers=[("added", None)])
            yield sb.Output(b"raw", key=None, without_headers=True)
            yield sb.tombstone(headers=[("only", b"x")], without_headers=True)

        outputs = run_map(all_of_them, None, [record(b"\xff", "p", [("h", "1")])]).outputs
        self.assertEqual(outputs[0], (0, b"k", b"\xff", [("h", b"1"), ("added", None)]))
        self.assertEqual(outputs[1], (0, None, b"raw", []))
        self.assertEqual(outputs[2], (0, b"p", None, [("only", b"x")]))

    def test_what_json_can_not_write_is_the_rows_error(self):
        errors = run_map(sb.map(lambda value: {1, 2} if value else float("nan")), None, ["0", "1"]).errors
        self.assertIn("not JSON compliant", errors[0])
        self.assertIn("not JSON serializable", errors[1])


@sb.window_aggregate
class Words:
    def __init__(self):
        self.words = []

    def accumulate(self, word):
        self.words.append(word)
        if word == "bad":
            raise ValueError("a bad word")

    def merge(self, later):
        self.words += later.words

    def finish(self, window):
        return {"key": window.key, "from": window.start_ms, "to": window.end_ms, "words": self.words}


class Aggregates(unittest.TestCase):
    def test_a_row_that_fails_leaves_no_trace(self):
        words = ["a", "bad", "b", "bad", "c"]
        inputs = [record(f'"{word}"', key) for word in words for key in ("x", "y")] + [record("{", "x")]
        done = run_window(Words, None, 0, 10, inputs)
        self.assertEqual(done.outputs[0].text, '{"key":"x","from":0,"to":10,"words":["a","b","c"]}')
        self.assertEqual(done.outputs[1].json["words"], ["a", "b", "c"])
        self.assertEqual(sorted(done.errors), [2, 3, 6, 7, 10])

    def test_a_group_of_failures_stays_new(self):
        calls = Words.__sluicebox__.calls
        batch = testing._batch([record('"bad"')])
        (packed, errors) = calls.accumulate(testing.Packed(b"", [0, testing.NULL]), [0], batch)
        self.assertEqual(packed[1], [0, testing.NULL])
        self.assertEqual(errors, [(0, "a bad word")])

    def test_bytes_of_its_own(self):
        @sb.window_aggregate(config=Minimum)
        class Count:
            def __init__(self, count=0):
                self.count = count

            def to_bytes(self):
                return self.count.to_bytes(8, "little")

            @classmethod
            def from_bytes(cls, data):
                return cls(int.from_bytes(data, "little"))

            def accumulate(self, value, config, record):
                self.count += config.minimum

            def merge(self, later, config):
                self.count += later.count

            def finish(self, window, config):
                return self.count

        done = run_window(Count, {"minimum": 3}, 0, 1, [record("1", "k")] * 4)
        self.assertEqual(done.outputs[0].text, "12")


if __name__ == "__main__":
    unittest.main()
