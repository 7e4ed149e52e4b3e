// The packing and its rules, through UDFs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaults, fields, filter, flatMap, map, output, sameValue, tombstone, windowAggregate } from "../src/index.js";
import { record, refusal, runFilter, runMap, runWindow } from "../src/testing.js";
import { decode, decodeSlowly, encode, encodeSlowly, isAscii } from "../src/utf8.js";
import { utf8Length } from "../src/packed.js";

test("texts are encoded and decoded as the platform does it", () => {
  for (const text of ["", "plain", "ünïcödé €", "😀 and 🇩🇪", "\u0000\u007f\u0080\u07ff\u0800\uffff", "x".repeat(20000) + "é", "lone \ud800 x"]) {
    const wanted = new TextEncoder().encode(text);
    assert.deepEqual(Uint8Array.from(encodeSlowly(text)), wanted);
    assert.deepEqual(Uint8Array.from(encode(text)), wanted);
    assert.equal(utf8Length(text), wanted.length);
    assert.equal(decodeSlowly(wanted), new TextDecoder().decode(wanted));
    assert.equal(decode(wanted), new TextDecoder().decode(wanted));
    for (let from = 0; from < 9; from++) assert.equal(isAscii(wanted.subarray(from)), wanted.subarray(from).every((b) => b < 128));
  }
  for (const wrong of [[0xff], [0xc0, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x80], [0xc3, 0x28]]) {
    assert.throws(() => decodeSlowly(Uint8Array.from(wrong)), /not UTF-8/);
    assert.throws(() => decode(Uint8Array.from(wrong)), /not UTF-8/);
  }
});

test("a filter keeps, and what is thrown is the row's error", () => {
  const udf = filter(
    (order, { minimum }) => {
      if (order.amount === 13) throw new Error("thirteen");
      if (order.amount === 14) throw "fourteen";
      if (order.amount === 15) return "yes";
      return order.amount >= minimum;
    },
    { config: defaults({ minimum: 1 }) },
  );
  const amounts = [5, 10, 13, 14, 15, 11, 1, 2, 3, 99].map((amount) => ({ user: "ünï", amount }));
  const { kept, errors } = runFilter(udf, { minimum: 10 }, [...amounts, "no JSON", null]);
  assert.deepEqual(kept, [1, 5, 9]);
  assert.deepEqual([...errors.keys()], [2, 3, 4, 10, 11]);
  assert.deepEqual([errors.get(2), errors.get(3)], ["thirteen", "fourteen"]);
  assert.match(errors.get(4), /must answer true or false/);
  assert.match(errors.get(10), /not JSON/);
  assert.match(errors.get(11), /^TypeError: /);
  assert.deepEqual(runFilter(udf, null, []).kept, []);
});

test("a config that does not fit is refused", () => {
  const udf = filter(() => true, { config: defaults({ minimum: 1, currencies: ["EUR"] }) });
  assert.match(refusal(udf, { minimun: 1 }), /unknown field `minimun`; there are minimum, currencies/);
  assert.match(refusal(udf, { minimum: "x" }), /config.minimum must be a number/);
  assert.match(refusal(udf, { currencies: "EUR" }), /config.currencies must be a list/);
  assert.match(refusal(udf, [1]), /must be a mapping/);
  assert.equal(refusal(udf, { minimum: 2 }), undefined);
});

test("fields have types", () => {
  const { kept, errors } = runFilter(
    filter(() => true, { value: fields({ amount: "integer", note: "string?" }) }),
    null,
    ['{"amount":1}', '{"amount":1,"note":null,"more":[]}', "{}", '{"amount":1.5}', '{"amount":1,"note":2}', "[]", null, '{"amount":9007199254740993}'],
  );
  assert.deepEqual(kept, [0, 1]);
  assert.deepEqual([...errors], [
    [2, "missing field `amount`"],
    [3, "field `amount` is not of the type integer"],
    [4, "field `note` is not of the type string?"],
    [5, "value is not an object"],
    [6, "the value is null"],
    [7, "field `amount` is not of the type integer"],
  ]);
  assert.throws(() => fields({ a: "int" }), /there are integer, number/);
});

test("maps make none, one or many outputs", () => {
  const udf = flatMap(
    function* (text, _, record) {
      switch (text) {
        case "none":
          return;
        case "half":
          yield new Uint8Array([1]);
          throw new Error("half way");
        case "headers":
          yield output(record.header("a"), { key: "k", headers: [["b", null]] });
          return;
        case "bare":
          yield sameValue({ key: null, withoutHeaders: true });
          return;
        case "gone":
          yield tombstone();
          return;
      }
      yield sameValue();
      yield { "<&>": "ü", at: record.timestampMs, key: record.key };
    },
    { value: "text" },
  );
  const headers = [["a", "1"], ["a", "2"], ["null", null]];
  const texts = ["none", "half", "headers", "bare", "gone", "two"];
  const { outputs, errors } = runMap(udf, null, texts.map((text) => record(text, { key: "öwn", headers, timestampMs: 7 })));
  assert.deepEqual([...errors], [[1, "half way"]]);
  const names = (out) => out.headers.map(([name]) => name);
  assert.deepEqual(
    outputs.map((out) => [out.parent, out.key, out.value, names(out)]),
    [
      [2, "k", "2", ["a", "a", "null", "b"]],
      [3, null, "bare", []],
      [4, "öwn", null, ["a", "a", "null"]],
      [5, "öwn", "two", ["a", "a", "null"]],
      [5, "öwn", '{"<&>":"ü","at":7,"key":"öwn"}', ["a", "a", "null"]],
    ],
  );
  const none = map((value) => (value > 1 ? value : undefined));
  assert.deepEqual(runMap(none, null, [1, 2, 3].map((n) => record(n))).outputs.map((out) => out.value), ["2", "3"]);
});

test("aggregates fold, merge and finish; a row that fails leaves no trace", () => {
  const udf = windowAggregate({
    create: () => ({ orders: 0, amount: 0 }),
    accumulate(total, order) {
      total.orders += 1;
      total.amount += order.amount;
      if (order.amount < 0) throw new Error("negative");
    },
    merge: (total, later) => ({ orders: total.orders + later.orders, amount: total.amount + later.amount }),
    finish: (total, window) => ({ user: window.key, at: window.startMs, ...total }),
  });
  const of = (key, amount) => record({ amount }, { key });
  const window = { startMs: 60000, endMs: 120000 };
  const done = runWindow(udf, null, window, [of("ann", 5), of("bob", 7), of("ann", -100), of("ann", 6), of("eve", -1)]);
  assert.deepEqual([...done.errors], [[2, "negative"], [4, "negative"]]);
  assert.deepEqual(
    done.outputs.map((out) => out.value),
    ['{"user":"ann","at":60000,"orders":2,"amount":11}', '{"user":"bob","at":60000,"orders":1,"amount":7}', '{"user":"eve","at":60000,"orders":0,"amount":0}'],
  );
  const empty = { data: new Uint8Array(0), index: Uint32Array.of(0, 0xffffffff) };
  const failing = { ...runBatch('{"amount":-1}') };
  const { accumulators } = udf.windowAggregate.accumulate(empty, Uint32Array.of(0), failing);
  assert.deepEqual([...accumulators.index], [0, 0xffffffff], "a group that all rows failed in stays new");
  const forgetful = windowAggregate({
    create: () => ({ n: 0 }),
    accumulate: (sum) => ({ n: sum.n + 1 }),
    merge: (sum) => sum,
    finish: (sum) => sum.n,
  });
  assert.throws(() => runWindow(forgetful, null, window, [of("a", 1), of("a", 2)]), /^Error: merged: /);
});

function runBatch(text) {
  const data = encode(text);
  return { data, index: Uint32Array.of(0, 0xffffffff, 0, data.length, 0, 0xffffffff), timestamps: BigInt64Array.of(0n) };
}
