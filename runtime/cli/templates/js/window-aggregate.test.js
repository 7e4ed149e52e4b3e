import assert from "node:assert/strict";
import { test } from "node:test";
import { record, runWindow } from "sluicebox-udf/testing";
import udf from "../src/udf.js";

test("counts and sums each user", () => {
  const order = (amount) => record({ amount }, { key: "ann" });
  const { outputs, errors } = runWindow(udf, null, { startMs: 0, endMs: 60_000 }, [order(1000), order("?"), order(-1)]);
  assert.deepEqual(outputs.map((out) => out.json), [{ user: "ann", window_start_ms: 0, orders: 2, amount: 999 }]);
  assert.deepEqual([...errors], [[1, "the order has no amount"]]);
});
