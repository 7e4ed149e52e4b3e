// What jobs did while this page was open: samples of their status, and rates between two of them. A host tells totals
// only, so a shard that has started anew (its totals are smaller) begins a new count.

const KEPT = 600;

/** @typedef {{at: number, read: number, written: number, lag: number | null, whole_lag: number | null, delay: number | null, delay_least: number | null,
 *   busy: number, back_pressured: number, throttled: number, idle: number, cpu: number, side: number,
 *   epoch_ms: number | null, commit_ms: number | null, delta_bytes: number | null, epoch_records: number | null,
 *   operators: Record<string, {busy: number, rows: number}>, flows: Record<string, Record<string, number>>}} Sample */

export class History {
  /** @type {Sample[]} */ samples = [];
  last = null;

  /** The newest sample. */
  get now() { return this.samples.at(-1) ?? null; }

  /**
   * Take a status as it is at `at`, the host's time; `whole_lag` is of all hosts' shards, where somebody has asked for it.
   * @param {any} status @param {number} at @param {number | null} [whole_lag]
   */
  take(status, at, whole_lag = null) {
    const shards = status?.shards ?? [];
    const last = this.last;
    this.last = { at, shards: new Map(shards.map((shard) => [shard.shard, shard])) };
    const span = last ? at - last.at : 0;
    if (!last || span <= 0) return;
    const sum = (pick) => shards.reduce((total, shard) => {
      const before = last.shards.get(shard.shard);
      const grown = before ? pick(shard) - pick(before) : 0;
      return total + Math.max(0, grown || 0);
    }, 0);
    // Of the time that the shards had together.
    const share = (pick) => (shards.length ? Math.min(1, sum(pick) / (span * shards.length)) : 0);
    const lags = shards.flatMap(lagsOf);
    const delays = shards.flatMap((shard) => Object.values(shard.watermarks)).map((mark) => at - mark).filter((d) => d < 1e14);
    // Of shards that have committed since: an old epoch says nothing of now.
    const committed = (shard) => shard.epochs > (last.shards.get(shard.shard)?.epochs ?? 0);
    const epochs = shards.filter(committed).map((shard) => shard.last_epoch);
    const ids = [...new Set(shards.flatMap((shard) => Object.keys(shard.ledger)))];
    const flow = (id, way) => (sum((shard) => shard.ledger[id]?.[way] ?? 0) * 1000) / span;
    const ways = ["in", "forwarded", "filtered", "skipped", "late", "dead_lettered", "absorbed", "released"];
    const flows = Object.fromEntries(ids.map((id) => [id, Object.fromEntries(ways.map((way) => [way, flow(id, way)]))]));
    this.samples.push({
      at,
      read: (sum((shard) => Object.values(shard.positions).reduce((a, b) => a + b, 0)) * 1000) / span,
      side: ids.reduce((total, id) => total + flows[id].late + flows[id].dead_lettered, 0),
      lag: lags.length ? lags.reduce((a, b) => a + b, 0) : null,
      whole_lag,
      delay: delays.length ? Math.max(...delays) : null,
      delay_least: delays.length ? Math.min(...delays) : null,
      busy: share((shard) => shard.times.busy_ms),
      back_pressured: share((shard) => shard.times.back_pressured_ms),
      throttled: share((shard) => shard.times.throttled_ms),
      idle: share((shard) => shard.times.idle_ms),
      cpu: sum((shard) => shard.times.cpu_ms) / span,
      epoch_ms: most(epochs.map((e) => e.duration_ms)),
      commit_ms: most(epochs.map((e) => e.commit_ms)),
      delta_bytes: epochs.length ? epochs.reduce((a, e) => a + e.delta_bytes, 0) : null,
      epoch_records: epochs.length ? epochs.reduce((a, e) => a + e.records, 0) : null,
      operators: Object.fromEntries(ids.map((id) => [id, {
        busy: share((shard) => shard.operators[id]?.busy_ms ?? 0),
        rows: flows[id].in,
      }])),
      flows,
    });
    if (this.samples.length > KEPT) this.samples.shift();
  }
}

const most = (list) => (list.length ? Math.max(...list) : null);

/** How far each partition of a shard is behind. */
export const lagsOf = (shard) => Object.entries(shard.ends ?? {}).flatMap(([partition, end]) => {
  const position = shard.positions[partition];
  return position == null ? [] : [Math.max(0, end - position)];
});

/** @type {Map<string, History>} */
const all = new Map();

/** The history of a job: it is kept when its view is left. */
export function historyOf(tenant, job, uid) {
  const key = `${tenant}/${job}/${uid}`;
  if (!all.has(key)) all.set(key, new History());
  return all.get(key);
}

/** The sums of all shards' ledgers, by operator. */
export function ledgerOf(status) {
  const sums = {};
  for (const shard of status?.shards ?? []) {
    for (const [id, account] of Object.entries(shard.ledger)) {
      const sum = (sums[id] ??= {});
      for (const [way, rows] of Object.entries(account)) sum[way] = (sum[way] ?? 0) + rows;
    }
  }
  return sums;
}
