import assert from "node:assert/strict";
import { test } from "node:test";
import { runMap } from "sluicebox-udf/testing";
import udf from "../src/udf.js";

test("says whether an order is large", () => {
  const orders = [
    { user: "ann", amount: 1000 },
    { user: "bob", amount: "?" },
  ];
  const { outputs, errors } = runMap(udf, { large: 1000 }, orders);
  assert.deepEqual(outputs.map((out) => out.json), [{ user: "ann", amount: 1000, large: true }]);
  assert.deepEqual([...errors], [[1, "the order has no amount"]]);
});
