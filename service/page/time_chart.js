/** A line a model over time, drawn with uPlot. */

import { h } from "./dom.js";
import { number } from "./numbers.js";

const HEIGHT = 170;
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]];

/** uPlot puts its own name among the page's, since it is a classic script. */
const { uPlot } = globalThis;

/**
 * @param {string} title
 * @param {{name: string, series: number}[]} lines
 * @returns {{element: HTMLElement, draw: (range: [number, number], times: number[], values: (number|null)[][]) => void, restyle: () => void}}
 */
export function timeChart(title, lines) {
  const place = h("div", { class: "chart" });
  const element = h("figure", { class: "card", role: "img", "aria-label": `${title}; the table below has the newest figures` },
    h("figcaption", {}, title), place);
  let plot;
  let data = [[], ...lines.map(() => [])];
  let range = [0, 1];

  const width = () => Math.max(200, place.clientWidth);

  function build() {
    plot?.destroy();
    plot = new uPlot(options(lines, width(), () => range), data, place);
  }

  new ResizeObserver(() => plot && place.clientWidth && plot.setSize({ width: width(), height: HEIGHT })).observe(place);

  return {
    element,
    /** Times and range in seconds; values of each line in order. */
    draw(newRange, times, values) {
      range = newRange;
      data = [times, ...values];
      if (plot) plot.setData(data);
      else build();
    },
    /** After the colours have changed. */
    restyle() {
      if (plot) build();
    },
  };
}

function options(lines, width, range) {
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return {
    width,
    height: HEIGHT,
    cursor: { sync: { key: "live" }, y: false, drag: { x: false, y: false } },
    legend: { live: true, markers: { width: 0, fill: (_, index) => (index ? colour(`--series-${lines[index - 1].series}`) : "") } },
    scales: {
      x: { time: true, range },
      y: { range: (_, low, high) => [0, Math.max(high * 1.15, 1e-9) || 1] },
    },
    axes: [axis, { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => number(tick)) }],
    series: [
      { label: "time", value: (_, seconds) => (seconds === null ? "–" : new Date(1000 * seconds).toLocaleTimeString("en-GB")) },
      ...lines.map((line, index) => ({
        label: line.name,
        stroke: colour(`--series-${line.series}`),
        width: 2,
        dash: DASHES[index % DASHES.length],
        points: { show: false },
        value: (_, value) => (value === null || value === undefined ? "–" : number(value)),
      })),
    ],
  };
}

/** What a custom property stands for in the present theme, as a canvas needs it. */
function colour(property) {
  const probe = h("span", { hidden: true, style: { color: `var(${property})` } });
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
