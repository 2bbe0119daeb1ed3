/** What a model costs against how good it is: one point a model, for each task. */

import { svg } from "./dom.js";
import { large, number } from "./numbers.js";

const HEIGHT = 290;
const MARGIN = { left: 46, right: 16, top: 26, bottom: 46 };
const LETTER = 7.2; // about the width of one in a name
const LINE = 17;
const RADIUS = 7;
const GAP = 13; // between a point and its name
const ROOM = 24; // height for each point and its name
const WIDE = 8; // costs further apart than this many times are drawn on a logarithmic scale
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
  const points = models.map((model) => ({ model, cost: model.multiply_adds, value: model.metrics[metric] }));
  const height = Math.max(HEIGHT, MARGIN.top + MARGIN.bottom + ROOM * points.length);
  const costs = points.map((point) => point.cost);
  const [cheapest, dearest] = [Math.min(...costs), Math.max(...costs)];
  const wide = dearest > WIDE * cheapest && cheapest > 0;
  const x = wide
    ? logarithmic(cheapest / 1.3, dearest * 1.3, MARGIN.left, width - MARGIN.right)
    : linear(0, dearest * 1.08, MARGIN.left, width - MARGIN.right);
  const y = linear(...padded(points.map((point) => point.value)), height - MARGIN.bottom, MARGIN.top);
  const better = LOWER_IS_BETTER.test(metric) ? "lower" : "higher";
  const label = `${metricName(metric)} against multiply-adds: ${points
    .map(({ model, cost, value }) => `${model.name} ${number(value)} at ${large(cost)}`).join(", ")}`;
  return svg("svg", { class: "trade-off", width, height, role: "img", "aria-label": label },
    grid(x, y, width, height),
    svg("text", { class: "axis-title", x: width - MARGIN.right, y: height - 8, "text-anchor": "end" },
      `multiply-adds a token (${wide ? "log; " : ""}fewer is cheaper)`),
    svg("text", { class: "axis-title", x: 0, y: 12 }, `${metricName(metric)} (${better} is better)`),
    placed(points, x, y, width, height).map((mark) => draw(mark, seriesOf)));
}

function grid(x, y, width, height) {
  return svg("g", {},
    y.ticks.map((tick) => [
      svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y.at(tick), y2: y.at(tick) }),
      svg("text", { class: "tick", x: MARGIN.left - 8, y: y.at(tick) + 4, "text-anchor": "end" }, number(tick)),
    ]),
    x.ticks.map((tick) =>
      svg("text", { class: "tick", x: x.at(tick), y: height - MARGIN.bottom + 18, "text-anchor": "middle" }, large(tick))));
}

/**
 * Each point with a place for its name: the nearest that covers no point, no other name and no axis. Those at the
 * right come first, as they have room on one side only.
 */
function placed(points, x, y, width, height) {
  const circles = points.map(({ model, cost, value }) => ({ model, cx: x.at(cost), cy: y.at(value) }));
  const taken = circles.map(({ cx, cy }) => ({ middle: cy, left: cx - RADIUS, right: cx + RADIUS }));
  const inside = ({ middle }) => MARGIN.top <= middle && middle <= height - MARGIN.bottom - LINE / 2;
  return circles.sort((a, b) => b.cx - a.cx).map((circle) => {
    const places = around(circle, width, height);
    const free = places.find((place) => inside(place) && !taken.some((other) => overlap(place, other)));
    const place = free ?? places[0];
    taken.push(place);
    return { ...circle, place };
  });
}

/** Places for a name beside a point, the nearest first. */
function around({ model, cx, cy }, width, height) {
  const length = LETTER * model.name.length;
  const lefts = [cx + GAP, cx - GAP - length]
    .map((left) => Math.max(0, Math.min(Math.max(left, MARGIN.left), width - length)));
  const places = [];
  for (let away = 0; away < height; away += LINE / 2) {
    for (const middle of away ? [cy - away, cy + away] : [cy]) {
      places.push(...lefts.map((left) => ({ middle, left, right: left + length })));
    }
  }
  return places;
}

const overlap = (one, other) =>
  Math.abs(one.middle - other.middle) < LINE && one.left < other.right && other.left < one.right;

/** A point and its name, and a line between them where the name had to give way. */
function draw({ model, cx, cy, place }, seriesOf) {
  const atItsRight = place.left > cx;
  const line = { x1: cx, y1: cy, x2: Math.max(place.left, Math.min(cx, place.right)), y2: place.middle };
  return svg("g", { style: { "--series": `var(--series-${seriesOf(model.name)})` } },
    place.middle === cy ? [] : svg("line", { class: "leader", ...line }),
    svg("circle", { class: "point", cx, cy, r: RADIUS }),
    svg("text", {
      x: atItsRight ? place.left : place.right, y: place.middle + 4, "text-anchor": atItsRight ? "start" : "end",
    }, model.name));
}

function padded(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low) * 0.3 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

/** A linear scale with round ticks. */
function linear(low, high, from, to) {
  const step = roundStep((high - low) / 5);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return {
    at: (value) => from + ((value - low) / (high - low)) * (to - from),
    ticks: Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(12))),
  };
}

/** A logarithmic scale with ticks at 1, 2 and 5 times powers of ten, or at these alone if there are many. */
function logarithmic(low, high, from, to) {
  const decades = Math.log10(high / low);
  const factors = decades > 2 ? [1] : [1, 2, 5];
  const exponents = Array.from({ length: Math.ceil(decades) + 2 }, (_, index) => Math.floor(Math.log10(low)) + index);
  return {
    at: (value) => from + (Math.log10(value / low) / decades) * (to - from),
    ticks: exponents.flatMap((exponent) => factors.map((factor) => factor * 10 ** exponent))
      .filter((tick) => low <= tick && tick <= high),
  };
}

function roundStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}
