/** What a model costs against how good it is: one point a model, for each task. */

import { svg } from "./dom.js";
import { large, number } from "./numbers.js";

const HEIGHT = 290;
const MARGIN = { left: 46, right: 16, top: 26, bottom: 46 };
const LETTER = 7.2; // about the width of one in a name
const LINE = 17;
const GAP = 13; // between a point and its name
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
 * @param {number} width Pixels.
 */
export function tradeOff(models, metric, seriesOf, width) {
  const points = models.map((model) => ({ model, x: model.multiply_adds, y: model.metrics[metric] }));
  const x = scale(0, Math.max(...points.map((point) => point.x)) * 1.08, MARGIN.left, width - MARGIN.right);
  const [low, high] = padded(points.map((point) => point.y));
  const y = scale(low, high, HEIGHT - MARGIN.bottom, MARGIN.top);
  const better = LOWER_IS_BETTER.test(metric) ? "lower" : "higher";
  const label = `${metricName(metric)} against multiply-adds: ${points
    .map((point) => `${point.model.name} ${number(point.y)} at ${large(point.x)}`).join(", ")}`;
  return svg("svg", { class: "trade-off", width, height: HEIGHT, role: "img", "aria-label": label },
    grid(x, y, width),
    svg("text", { class: "axis-title", x: width - MARGIN.right, y: HEIGHT - 8, "text-anchor": "end" },
      "multiply-adds a token (fewer is cheaper)"),
    svg("text", { class: "axis-title", x: 0, y: 12 }, `${metricName(metric)} (${better} is better)`),
    marks(points, x, y, seriesOf, width));
}

function grid(x, y, width) {
  return svg("g", {},
    y.ticks.map((tick) => [
      svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y.at(tick), y2: y.at(tick) }),
      svg("text", { class: "tick", x: MARGIN.left - 8, y: y.at(tick) + 4, "text-anchor": "end" }, number(tick)),
    ]),
    x.ticks.map((tick) =>
      svg("text", { class: "tick", x: x.at(tick), y: HEIGHT - MARGIN.bottom + 18, "text-anchor": "middle" }, large(tick))));
}

/** Points with their names, which give way downwards to points and names that are already there. */
function marks(points, x, y, seriesOf, width) {
  const taken = points.map(({ x: cost, y: value }) =>
    ({ top: y.at(value) + 4, left: x.at(cost) - 8, right: x.at(cost) + 8 }));
  return [...points].sort((a, b) => y.at(a.y) - y.at(b.y)).map(({ model, x: cost, y: value }) => {
    const [cx, cy] = [x.at(cost), y.at(value)];
    const length = LETTER * model.name.length;
    const toTheLeft = cx + GAP + length > width;
    const left = toTheLeft ? Math.max(0, cx - GAP - length) : cx + GAP;
    let top = cy + 4;
    while (taken.some((other) => Math.abs(other.top - top) < LINE && left < other.right && other.left < left + length)) top += LINE;
    taken.push({ top, left, right: left + length });
    return svg("g", { style: { "--series": `var(--series-${seriesOf(model.name)})` } },
      svg("circle", { class: "point", cx, cy, r: 7 }),
      svg("text", { x: toTheLeft ? left + length : left, y: top, "text-anchor": toTheLeft ? "end" : "start" }, model.name));
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
