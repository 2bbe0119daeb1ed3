/** Live: what the service's metrics say of each model over the last minutes. */

import { askText } from "../api.js";
import { writeAddress } from "../address.js";
import { h, swatch } from "../dom.js";
import { History } from "../history.js";
import { milliseconds, number } from "../numbers.js";
import { timeChart } from "../time_chart.js";
import { createOutput } from "../task_form.js";

const EVERY_MS = 2000;

/** @param {import("../catalogue.js").Catalogue} catalogue */
export function createLive(catalogue) {
  const section = document.getElementById("live");
  const form = section.querySelector("form");
  const { minutes, percentile, time, pause } = form.elements;
  const output = createOutput(section);
  const history = new History();
  let view; // charts and table of the present models
  let visible = false;

  const paused = () => pause.getAttribute("aria-pressed") === "true";

  async function poll() {
    if (document.hidden) return;
    try {
      history.add(Date.now(), await askText("metrics"));
      if (visible && !paused()) draw();
    } catch (error) {
      if (visible && !paused()) {
        view = undefined;
        output.fail(error);
      }
    }
  }

  function draw() {
    if (!view) {
      view = build(catalogue);
      output.show(view.nodes, "");
    }
    const now = Date.now();
    const since = now - 60_000 * Number(minutes.value);
    const series = view.models.map((model) => history.of(model.name, since, time.value));
    view.draw([since / 1000, now / 1000], series, `p${percentile.value}`, `${percentile.value}th percentile, ${time.selectedOptions[0].text}`);
  }

  function remember() {
    const defaults = [...form.querySelectorAll("select")].every((each) =>
      each.value === each.querySelector("option[selected]").value);
    const chosen = defaults ? [] : [["minutes", minutes.value], ["percentile", percentile.value], ["time", time.value]];
    writeAddress("live", new URLSearchParams(chosen), { replace: true });
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    remember();
    draw();
  });
  pause.addEventListener("click", () => pause.setAttribute("aria-pressed", String(!paused())));
  catalogue.addEventListener("change", () => (view = undefined));
  document.addEventListener("themechange", () => view?.charts.forEach((chart) => chart.restyle()));
  document.addEventListener("visibilitychange", poll);
  setInterval(poll, EVERY_MS);
  poll();

  return {
    open(params) {
      for (const select of [minutes, percentile, time]) {
        const asked = params.get(select.name);
        if ([...select.options].some((option) => option.value === asked)) select.value = asked;
      }
      visible = true;
      draw();
    },
    close() {
      visible = false;
    },
  };
}

function build(catalogue) {
  const models = catalogue.ready().map(({ name }) => ({ name, series: catalogue.series(name) }))
    .sort((a, b) => a.series - b.series);
  const charts = {
    rate: timeChart("Requests a second", models),
    latency: timeChart("Latency, ms", models),
    batch: timeChart("Texts or windows a batch", models),
    queued: timeChart("Requests waiting", models),
    shed: timeChart("Requests refused a second (429)", models),
  };
  const rows = models.map((model) => ({ model, cells: Array.from({ length: 7 }, () => h("td", {}, "–")) }));
  const heads = ["requests/s", "median", "95th", "99th", "batch", "waiting", "refused/s"];
  const table = h("div", { class: "card scroll", tabindex: 0, role: "region", "aria-label": "Newest figures" },
    h("table", { class: "plain" }, h("caption", {}, "Newest figures"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "model"), heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map(({ model, cells }) =>
        h("tr", {}, h("th", { scope: "row" }, swatch(model.series), model.name), cells)))));
  const latencyNote = h("p", { class: "muted" });
  const all = Object.values(charts);
  return {
    models,
    charts: all,
    nodes: [latencyNote, h("div", { class: "columns" }, all.map((chart) => chart.element)), table],
    /** @param {[number, number]} range @param {object[][]} series Points of each model. */
    draw(range, series, percentile, title) {
      latencyNote.textContent = `Latency: ${title}. Comparisons ask several models one after the other; they count as requests of each, and under waiting and computing, but not under whole requests.`;
      const times = (series[0] ?? []).map((point) => point.at / 1000);
      const put = (chart, value) => chart.draw(range, times, series.map((points) => points.map(value)));
      put(charts.rate, (point) => point.rate);
      put(charts.latency, (point) => (point[percentile] === null ? null : 1000 * point[percentile]));
      put(charts.batch, (point) => point.batch);
      put(charts.queued, (point) => point.queued);
      put(charts.shed, (point) => point.shed);
      rows.forEach(({ cells }, index) => {
        const newest = series[index].at(-1);
        if (newest) fillRow(cells, newest);
      });
    },
  };
}

function fillRow(cells, { rate, p50, p95, p99, batch, queued, shed }) {
  const plain = (value) => (value === null ? "–" : number(value));
  const time = (value) => (value === null ? "–" : milliseconds(1000 * value));
  [plain(rate), time(p50), time(p95), time(p99), plain(batch), plain(queued), plain(shed)].forEach((text, index) => {
    cells[index].textContent = text;
  });
}
