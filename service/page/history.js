/** What the service's metrics said over the last minutes, and the rates that follow from it. */

import { histogramQuantile, increase, parse } from "./prometheus.js";

const KEPT_MS = 16 * 60_000;

/** Rates and percentiles are those of so long before each point. */
const WINDOW_MS = 10_000;

/** After such a hole (the page was hidden, the service away) lines are broken. */
const HOLE_MS = 2 * WINDOW_MS;

/** Histograms a latency can be read from. */
const TIMES = { request: "issrnn_request_seconds", queue: "issrnn_queue_seconds", compute: "issrnn_compute_seconds" };

export class History {
  /** @type {{at: number, started: number|undefined, samples: ReturnType<typeof parse>}[]} */
  #kept = [];

  /** @param {number} at Milliseconds. @param {string} text As `GET /metrics` gives it. */
  add(at, text) {
    const samples = parse(text);
    const started = samples.get("process_start_time_seconds")?.[0].value;
    for (const name of samples.keys()) if (!name.startsWith("issrnn_")) samples.delete(name);
    this.#kept.push({ at, started, samples });
    this.#kept = this.#kept.filter((each) => each.at >= at - KEPT_MS);
  }

  /** Names of the models that served when last asked. */
  get ready() {
    const samples = this.#kept.at(-1)?.samples.get("issrnn_model_ready") ?? [];
    return samples.filter(({ value }) => value > 0).map(({ labels }) => labels.model).sort();
  }

  /**
   * What one model did, at each point since a time.
   *
   * @param {string} model
   * @param {number} since Milliseconds.
   * @param {keyof TIMES} time
   * @returns {object[]} See `point`; with null for what nothing is known of.
   */
  of(model, since, time) {
    return this.#kept.flatMap((later, index) => {
      if (later.at < since) return [];
      const earlier = this.#before(index);
      return [{ at: later.at, ...(earlier ? point(model, later, earlier, TIMES[time]) : NOTHING) }];
    });
  }

  /** When the first sample that is kept was taken, in milliseconds. */
  get begin() {
    return this.#kept[0]?.at ?? Date.now();
  }

  /** The newest point a window before another, but none from beyond a hole or of another replica. */
  #before(index) {
    const { at, started } = this.#kept[index];
    const candidates = this.#kept.slice(0, index)
      .filter((each) => each.at >= at - HOLE_MS && each.started === started);
    return candidates.findLast((each) => each.at <= at - WINDOW_MS) ?? candidates[0];
  }
}

const NOTHING = { rate: null, tokens: null, p50: null, p95: null, p99: null, batch: null, queued: null, shed: null };

/** Between two samples: requests/s, words/s, seconds, chunks a batch, requests waiting now, refused/s. */
function point(model, later, earlier, histogram) {
  const seconds = (later.at - earlier.at) / 1000;
  const grown = (name, chosen) => increase(total(later, name, chosen), total(earlier, name, chosen));
  const own = (labels) => labels.model === model;
  // a comparison is one request of several models, which do not stand in its labels; each computes for it
  const compares = (labels) => labels.endpoint === "/compare";
  const compared = grown("issrnn_queue_seconds_count", (labels) => own(labels) && compares(labels));
  const batches = grown("issrnn_batch_size_count", own);
  const buckets = bucketsBetween(later, earlier, `${histogram}_bucket`, (labels) => own(labels) && labels.role !== "shadow");
  return {
    rate: (grown("issrnn_requests_total", (labels) => own(labels) && !compares(labels)) + compared) / seconds,
    tokens: grown("issrnn_computed_tokens_total", own) / seconds,
    p50: histogramQuantile(0.5, buckets),
    p95: histogramQuantile(0.95, buckets),
    p99: histogramQuantile(0.99, buckets),
    batch: batches > 0 ? grown("issrnn_batch_size_sum", own) / batches : null,
    queued: total(later, "issrnn_queued_requests", own),
    shed: grown("issrnn_shed_total", own) / seconds,
  };
}

function total({ samples }, name, chosen) {
  return (samples.get(name) ?? []).filter(({ labels }) => chosen(labels)).reduce((sum, { value }) => sum + value, 0);
}

function bucketsBetween(later, earlier, name, chosen) {
  const [now, before] = [later, earlier].map((each) => sumBuckets(each, name, chosen));
  return [...now].sort(([a], [b]) => a - b).map(([bound, count]) => [bound, increase(count, before.get(bound) ?? 0)]);
}

function sumBuckets({ samples }, name, chosen) {
  const sums = new Map();
  for (const { labels, value } of samples.get(name) ?? []) {
    if (!chosen(labels)) continue;
    const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
    sums.set(bound, (sums.get(bound) ?? 0) + value);
  }
  return sums;
}
