/** The charts of the section Live, and the table that says the same in figures. */

import { h, swatch } from "./dom.js";
import { milliseconds, number } from "./numbers.js";
import { clock, timeChart } from "./time_chart.js";

const known = (format) => (value) => (value === null ? "–" : format(value));
const plain = known(number);
const time = known((seconds) => milliseconds(1000 * seconds));

/** Heads of the table, and how a point fills a cell below each. */
const COLUMNS = [
  ["requests/s", (point) => plain(point.rate)],
  ["words/s", (point) => plain(point.tokens)],
  ["median", (point) => time(point.p50)],
  ["95th", (point) => time(point.p95)],
  ["99th", (point) => time(point.p99)],
  ["batch", (point) => plain(point.batch)],
  ["waiting", (point) => plain(point.queued)],
  ["refused/s", (point) => plain(point.shed)],
];

/**
 * @param {import("./catalogue.js").Catalogue} catalogue Its ready models are drawn.
 */
export function createLiveView(catalogue) {
  const models = catalogue.ready().map(({ name }) => ({ name, series: catalogue.series(name) }))
    .sort((a, b) => a.series - b.series);
  const table = createTable(models);
  const chart = (title) => timeChart(title, models, table.pointAt);
  const charts = {
    rate: chart("Requests a second"),
    latency: chart("Latency"),
    tokens: chart("Words computed a second"),
    batch: chart("Texts or windows a batch"),
    queued: chart("Requests waiting"),
    shed: chart("Requests refused a second (429)"),
  };
  const all = Object.values(charts);

  return {
    models,
    nodes: [
      h("p", { class: "series" }, models.map((model) => h("span", {}, swatch(model.series), model.name))),
      h("div", { class: "columns" }, all.map((each) => each.element)),
      table.element,
      h("p", { class: "muted" }, "A comparison asks several models one after the other: it counts as a request of each, "
        + "and in the times waiting and computing, but not in those of whole requests."),
    ],
    /**
     * @param {{range: [number, number], series: object[][], percentile: string, title: string}} figures
     *   range in seconds; for each model its points in the order of time.
     */
    draw({ range, series, percentile, title }) {
      const times = (series[0] ?? []).map((point) => point.at / 1000);
      const put = (each, value) => each.draw(range, times, series.map((points) => points.map(value)));
      charts.latency.entitle(title);
      put(charts.rate, (point) => point.rate);
      put(charts.latency, (point) => (point[percentile] === null ? null : 1000 * point[percentile]));
      put(charts.tokens, (point) => point.tokens);
      put(charts.batch, (point) => point.batch);
      put(charts.queued, (point) => point.queued);
      put(charts.shed, (point) => point.shed);
      table.draw(series);
    },
    restyle() {
      for (const each of all) each.restyle();
    },
    destroy() {
      for (const each of all) each.destroy();
    },
  };
}

function createTable(models) {
  const rows = models.map((model) => ({ model, cells: COLUMNS.map(() => h("td", {}, "–")) }));
  const caption = h("caption", {}, "Newest figures");
  const element = h("div", { class: "card scroll", tabindex: 0, role: "region", "aria-label": "Figures" },
    h("table", { class: "plain" }, caption,
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "model"), COLUMNS.map(([head]) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map(({ model, cells }) =>
        h("tr", {}, h("th", { scope: "row" }, swatch(model.series), model.name), cells)))));
  let series = [];
  let pointed = null;

  function fill() {
    const index = pointed ?? (series[0]?.length ?? 0) - 1;
    const at = series[0]?.[index]?.at;
    if (at === undefined) return;
    caption.textContent = pointed === null ? "Newest figures" : `Figures at ${clock(at / 1000)}`;
    rows.forEach(({ cells }, row) => COLUMNS.forEach(([, text], column) => {
      cells[column].textContent = text(series[row][index]);
    }));
  }

  return {
    element,
    draw(newSeries) {
      series = newSeries;
      fill();
    },
    /** Show the figures of a point, or the newest again. */
    pointAt(index) {
      if (index === pointed) return;
      pointed = index;
      fill();
    },
  };
}
