// Typed records.

const IS = {
  integer: Number.isSafeInteger,
  number: (value) => typeof value === "number",
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  list: Array.isArray,
};

/**
 * A `value` option: an object that has these fields, each of its type: "integer" (beyond 2^53 is none: it would not be exact), "number", "string",
 * "boolean", "object" or "list"; with a "?" at the end it may be missing or null. Other fields stay.
 */
export function fields(types) {
  const checks = Object.entries(types).map(([name, type]) => {
    const optional = type.endsWith("?");
    const is = IS[optional ? type.slice(0, -1) : type];
    if (is === undefined) throw new Error(`fields: \`${name}\` has the type "${type}"; there are ${Object.keys(IS).join(", ")}`);
    return { name, type, is, optional };
  });
  return (value) => {
    if (!IS.object(value)) throw new Error(value === null ? "the value is null" : "value is not an object");
    for (const { name, type, is, optional } of checks) {
      const field = value[name];
      if (is(field)) continue;
      if (optional && (field === undefined || field === null)) continue;
      throw new Error(field === undefined ? `missing field \`${name}\`` : `field \`${name}\` is not of the type ${type}`);
    }
    return value;
  };
}
