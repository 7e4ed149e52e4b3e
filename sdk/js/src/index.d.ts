// Types of the SDK; index.js says what each does.

/** Bytes of a field; null is null. */
export type Bytes = Uint8Array | null;

/** A value's record. It is valid for the call. */
export interface UdfRecord {
  /** The key as text; null is null. Throws where it is not UTF-8. */
  readonly key: string | null;
  /** The key's bytes. */
  readonly keyBytes: Bytes;
  /** Event time in milliseconds since 1970. */
  readonly timestampMs: number;
  /** Headers in order. */
  readonly headers: [string, Bytes][];
  /** Value of the last header of this name; undefined: there is none. */
  header(name: string): Bytes | undefined;
}

/** A closed window of one key. */
export interface UdfWindow {
  /** The key as text. Throws where it is null or not UTF-8. */
  readonly key: string;
  readonly keyBytes: Bytes;
  readonly startMs: number;
  readonly endMs: number;
}

/** How a UDF reads values and config. */
export interface Options<C, V = any> {
  /** What the function gets as value: parsed JSON (the default), text, bytes, or what a function (`fields`) makes of the parsed JSON. */
  value?: "json" | "text" | "bytes" | ((given: unknown) => V);
  /** Checks the operator's config, and makes what the function gets. What it throws refuses the config. */
  config?: (given: unknown) => C;
}

/** What else an output has. */
export interface OutputOptions {
  /** Another key. */
  key?: string | Uint8Array | null;
  /** Headers after those that are there. */
  headers?: [string, string | Uint8Array | null][];
  /** Without the parent's headers. */
  withoutHeaders?: boolean;
}

/** An output with more than a value. */
export interface Output {
  readonly options: OutputOptions;
}

/** A UDF: what a module exports as its default. */
export interface Udf {
  readonly lifecycle: object;
}

export function filter<V = any, C = any>(
  keep: (value: V, config: C, record: UdfRecord) => boolean,
  options?: Options<C, V>,
): Udf;
export function map<V = any, C = any, O = unknown>(
  apply: (value: V, config: C, record: UdfRecord) => O | Output | undefined,
  options?: Options<C, V>,
): Udf;
export function flatMap<V = any, C = any, O = unknown>(
  apply: (value: V, config: C, record: UdfRecord) => Iterable<O | Output>,
  options?: Options<C, V>,
): Udf;

/** The functions of an aggregate; accumulators are anything that JSON can write. */
export interface Aggregate<V, A, O, C> extends Options<C, V> {
  create(config: C): A;
  accumulate(accumulator: A, value: V, config: C, record: UdfRecord): A | void;
  merge(accumulator: A, later: A, config: C): A | void;
  finish(accumulator: A, window: UdfWindow, config: C): O | Output | undefined;
}
export function windowAggregate<V = any, A = any, O = unknown, C = any>(aggregate: Aggregate<V, A, O, C>): Udf;

export function output(value: unknown, options?: OutputOptions): Output;
export function sameValue(options?: OutputOptions): Output;
export function tombstone(options?: OutputOptions): Output;
export function defaults<C extends object>(known: C): (given: unknown) => C;
export function decode(bytes: Uint8Array): string;
export function encode(text: string): Uint8Array;
export const log: Record<"debug" | "info" | "warn" | "error", (text: unknown) => void>;

/** Types that `fields` knows. */
export interface FieldTypes {
  integer: number;
  number: number;
  string: string;
  boolean: boolean;
  object: Record<string, any>;
  list: any[];
}
/** The type that a name of one, with or without a "?", stands for. */
export type FieldOf<T> = T extends `${infer N extends keyof FieldTypes}?`
  ? FieldTypes[N] | null | undefined
  : T extends keyof FieldTypes
    ? FieldTypes[T]
    : never;
export function fields<const F extends Record<string, keyof FieldTypes | `${keyof FieldTypes}?`>>(
  types: F,
): (given: unknown) => { [K in keyof F]: FieldOf<F[K]> };
