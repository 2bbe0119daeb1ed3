/** Reading Prometheus' text exposition format, and its arithmetic of counters and histograms. */

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPED = { "\\n": "\n", '\\"': '"', "\\\\": "\\" };

/**
 * @param {string} text
 * @returns {Map<string, {labels: Object<string, string>, value: number}[]>} Samples by name.
 */
export function parse(text) {
  const samples = new Map();
  for (const line of text.split("\n")) {
    const match = line.startsWith("#") ? null : SAMPLE.exec(line);
    if (!match) continue;
    const [, name, labels = "", value] = match;
    if (!samples.has(name)) samples.set(name, []);
    samples.get(name).push({ labels: parseLabels(labels), value: parseValue(value) });
  }
  return samples;
}

function parseLabels(text) {
  const unescape = (value) => value.replace(/\\[n"\\]/g, (escaped) => ESCAPED[escaped]);
  return Object.fromEntries([...text.matchAll(LABEL)].map(([, name, value]) => [name, unescape(value)]));
}

function parseValue(text) {
  return { "+Inf": Infinity, "-Inf": -Infinity }[text] ?? Number(text);
}

/** By how much a counter grew; if it fell, the service has started anew and counted from zero. */
export function increase(later, earlier) {
  return later >= earlier ? later - earlier : later;
}

/**
 * As Prometheus' `histogram_quantile`: linear within the bucket, the last finite bound beyond it.
 *
 * @param {number} quantile Between 0 and 1.
 * @param {[number, number][]} buckets Upper bound and cumulative count, in order, the last infinite.
 * @returns {number|null} Null if nothing was observed.
 */
export function histogramQuantile(quantile, buckets) {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (!(total > 0)) return null;
  const rank = quantile * total;
  const index = buckets.findIndex(([, count]) => count >= rank);
  const [bound, count] = buckets[index];
  if (bound === Infinity) return buckets[index - 1]?.[0] ?? null;
  const [low, before] = index > 0 ? buckets[index - 1] : [0, 0];
  return count === before ? low : low + ((bound - low) * (rank - before)) / (count - before);
}
