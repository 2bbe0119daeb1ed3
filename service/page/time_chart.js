/** A line a model over time, drawn with uPlot. */

import { h } from "./dom.js";
import { number } from "./numbers.js";

const HEIGHT = 170;
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]];

/** A classic script, which can be reached through the global object alone. */
const { uPlot } = globalThis;

/** A time of day as axes and tables show it. */
export const clock = (seconds) => new Date(1000 * seconds).toLocaleTimeString("en-GB");

/**
 * @param {string} title
 * @param {{name: string, series: number}[]} lines
 * @param {(index: number|null) => void} onCursor Told which point is pointed at.
 */
export function timeChart(title, lines, onCursor) {
  const place = h("div", { class: "chart" });
  const caption = h("figcaption", {}, title);
  const element = h("figure", { class: "card" }, caption, h("div", { "aria-hidden": "true" }, place));
  let plot;
  let data = [[], ...lines.map(() => [])];
  let range = [0, 1];

  const width = () => Math.max(200, place.clientWidth);

  function build() {
    plot?.destroy();
    plot = new uPlot(options(lines, width(), () => range, onCursor), data, place);
  }

  const resizing = new ResizeObserver(() => {
    if (plot && place.clientWidth) plot.setSize({ width: width(), height: HEIGHT });
  });
  resizing.observe(place);

  return {
    element,
    /** @param {string} text */
    entitle(text) {
      caption.textContent = text;
    },
    /**
     * @param {[number, number]} newRange Seconds.
     * @param {number[]} times Seconds.
     * @param {(number|null)[][]} values Of each line.
     */
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
    /** For good: uPlot keeps a list of all charts whose cursors go together. */
    destroy() {
      resizing.disconnect();
      plot?.destroy();
    },
  };
}

function options(lines, width, range, onCursor) {
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return {
    width,
    height: HEIGHT,
    cursor: { sync: { key: "live" }, y: false, drag: { x: false, y: false } },
    legend: { show: false },
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
    scales: {
      x: { time: true, range },
      y: { range: (_, low, high) => [0, high > 0 ? high * 1.15 : 1] },
    },
    axes: [
      { ...axis, size: 30, space: 80, values: (_, ticks) => ticks.map(clock) },
      { ...axis, size: 48, space: 30, values: (_, ticks) => ticks.map((tick) => number(tick)) },
    ],
    series: [
      {},
      ...lines.map((line, index) => ({
        stroke: colour(`--series-${line.series}`),
        width: 2,
        dash: DASHES[index % DASHES.length],
        points: { show: false },
      })),
    ],
  };
}

/** What a custom property stands for in the present theme, as a canvas needs it. */
function colour(property) {
  const probe = h("span", { style: { color: `var(${property})` } });
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
