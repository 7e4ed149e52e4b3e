// Types of the testing helpers; testing.js says what each does.

import type { Bytes, Udf } from "./index.js";

/** A record to run through a UDF. */
export interface Input {
  readonly value: unknown;
}

/** A record that came out; what is the same as its parent's is filled in. */
export interface Result {
  readonly parent: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly bytes: Bytes;
  readonly headers: [string, Bytes][];
  readonly json: any;
}

export function record(
  value: unknown,
  options?: { key?: string | null; headers?: [string, string | Uint8Array | null][]; timestampMs?: number },
): Input;
export function refusal(udf: Udf, config: unknown): string | undefined;
export function runFilter(udf: Udf, config: unknown, inputs: unknown[]): { kept: number[]; errors: Map<number, string> };
export function runMap(udf: Udf, config: unknown, inputs: unknown[]): { outputs: Result[]; errors: Map<number, string> };
export function runWindow(
  udf: Udf,
  config: unknown,
  window: { startMs: number; endMs: number },
  inputs: unknown[],
): { outputs: Result[]; windowErrors: Map<number, string>; errors: Map<number, string> };
