/** What a model costs against how good it is: one point a model, for each task. */

import { h, svg } from "./dom.js";
import { large, number } from "./numbers.js";

const WIDTH = 560;
const HEIGHT = 320;
const MARGIN = { left: 62, right: 24, top: 18, bottom: 50 };
const LOWER_IS_BETTER = /perplexity|loss|error/;
const PREFERRED = ["test_perplexity", "f1", "exact_match", "test_accuracy", "accuracy", "valid_perplexity"];

/** Metrics that all of some models have, the best known first. */
export function commonMetrics(models) {
  const all = models.map((model) => Object.keys(model.metrics ?? {}));
  const common = (all[0] ?? []).filter((name) => all.every((names) => names.includes(name)));
  const rank = (name) => (PREFERRED.includes(name) ? PREFERRED.indexOf(name) : PREFERRED.length);
  return common.sort((a, b) => rank(a) - rank(b));
}

/** `test_perplexity` -> "test perplexity"; `f1` -> "F1". */
export function metricName(name) {
  return name.replaceAll("_", " ").replace(/^f1\b/, "F1").replace(/\b(int8|fp32)$/, "($1)");
}

/**
 * @param {object[]} models Of one task.
 * @param {string} metric
 * @param {(name: string) => number} seriesOf
 */
export function tradeOff(models, metric, seriesOf) {
  const points = models.map((model) => ({ model, x: model.multiply_adds, y: model.metrics[metric] }));
  const x = scale(0, Math.max(...points.map((point) => point.x)) * 1.08, MARGIN.left, WIDTH - MARGIN.right);
  const [low, high] = padded(points.map((point) => point.y));
  const y = scale(low, high, HEIGHT - MARGIN.bottom, MARGIN.top);
  const better = LOWER_IS_BETTER.test(metric) ? "lower" : "higher";
  const label = `${metricName(metric)} against multiply-adds: ${points
    .map((point) => `${point.model.name} ${number(point.y)} at ${large(point.x)}`).join(", ")}`;
  return h("figure", { class: "trade-off" },
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
      grid(x, y),
      svg("text", { class: "axis-title", x: (MARGIN.left + WIDTH - MARGIN.right) / 2, y: HEIGHT - 10, "text-anchor": "middle" },
        "multiply-adds a token (fewer is cheaper)"),
      svg("text", { class: "axis-title", x: MARGIN.left, y: 12 }, `${metricName(metric)} (${better} is better)`),
      marks(points, x, y, seriesOf)));
}

function grid(x, y) {
  return svg("g", {},
    y.ticks.map((tick) => [
      svg("line", { class: "grid", x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y.at(tick), y2: y.at(tick) }),
      svg("text", { class: "tick", x: MARGIN.left - 8, y: y.at(tick) + 4, "text-anchor": "end" }, number(tick)),
    ]),
    x.ticks.map((tick) =>
      svg("text", { class: "tick", x: x.at(tick), y: HEIGHT - MARGIN.bottom + 20, "text-anchor": "middle" }, large(tick))));
}

/** Points with their names, which give way downwards to names that are already there. */
function marks(points, x, y, seriesOf) {
  const taken = [];
  return [...points].sort((a, b) => y.at(a.y) - y.at(b.y)).map(({ model, x: cost, y: value }) => {
    const [cx, cy] = [x.at(cost), y.at(value)];
    const end = cx > WIDTH * 0.6;
    let top = cy + 4;
    while (taken.some((other) => other.end === end && Math.abs(other.top - top) < 16)) top += 16;
    taken.push({ end, top });
    return svg("g", { style: { "--series": `var(--series-${seriesOf(model.name)})` } },
      svg("circle", { class: "point", cx, cy, r: 7 }),
      svg("text", { class: "name", x: cx + (end ? -13 : 13), y: top, "text-anchor": end ? "end" : "start" }, model.name));
  });
}

function padded(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low) * 0.3 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

/** A linear scale with round ticks. */
function scale(low, high, from, to) {
  const step = roundStep((high - low) / 5);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return {
    at: (value) => from + ((value - low) / (high - low)) * (to - from),
    ticks: Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(12))),
  };
}

function roundStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}
