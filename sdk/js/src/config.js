// The operator's config.

/**
 * A `config` option: these defaults, and what the job's spec gives in their place. A field that is not among them is refused, and so is one
 * of another type than its default.
 */
export function defaults(known) {
  return (given) => {
    const config = { ...known };
    if (given !== null && (typeof given !== "object" || Array.isArray(given))) throw new Error("config must be a mapping");
    for (const [name, value] of Object.entries(given ?? {})) {
      if (!Object.hasOwn(known, name)) {
        throw new Error(`config: unknown field \`${name}\`; there are ${Object.keys(known).join(", ")}`);
      }
      const wanted = type(known[name]);
      if (wanted !== "null" && type(value) !== wanted) throw new Error(`config.${name} must be a ${wanted}`);
      config[name] = value;
    }
    return config;
  };
}

function type(value) {
  return value === null ? "null" : Array.isArray(value) ? "list" : typeof value;
}

/** What `init` does: read the config and keep it. */
export function lifecycle(state, read) {
  return {
    init(text) {
      let config;
      try {
        config = JSON.parse(text);
        state.config = read ? read(config) : config;
      } catch (error) {
        // Both engines make an error of a thrown text.
        throw error instanceof Error ? error.message : String(error);
      }
    },
  };
}
