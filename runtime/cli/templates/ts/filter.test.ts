import assert from "node:assert/strict";
import { test } from "node:test";
import { runFilter } from "sluicebox-udf/testing";
import udf from "../src/udf";

test("keeps large orders", () => {
  const orders = [
    { user: "ann", amount: 1000 },
    { user: "bob", amount: 999 },
    { user: "bob", amount: "?" },
  ];
  const { kept, errors } = runFilter(udf, { minimum: 1000 }, orders);
  assert.deepEqual(kept, [0]);
  assert.deepEqual([...errors], [[2, "the order has no amount"]]);
});
