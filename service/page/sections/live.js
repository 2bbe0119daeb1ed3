/** Live: what the service's metrics say of each model over the last minutes. */

import { askText } from "../api.js";
import { writeAddress } from "../address.js";
import { History } from "../history.js";
import { createLiveView } from "../live_view.js";
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
  let polling = false;
  let pausedAt = null;
  let said = ""; // the error that is shown

  async function poll() {
    if (document.hidden || polling) return;
    polling = true;
    try {
      const metrics = await askText("metrics");
      history.add(Date.now(), metrics);
      await followModels();
      if (visible && (pausedAt === null || !view)) draw();
    } catch (error) {
      if (visible && pausedAt === null) fail(error);
    } finally {
      polling = false;
    }
  }

  /** Once, though it is tried again and again: screen readers read out what is put there. */
  function fail(error) {
    if (!view && error.message === said) return;
    forgetView();
    output.fail(error);
    said = error.message;
  }

  /** Models that were added or taken away since the page was opened. */
  async function followModels() {
    const known = catalogue.ready().map((model) => model.name).sort();
    if (known.join(" ") !== history.ready.join(" ")) await catalogue.refresh();
  }

  function draw() {
    if (!view) {
      view = createLiveView(catalogue);
      output.show(view.nodes, "");
      said = "";
    }
    const now = pausedAt ?? Date.now();
    const since = now - 60_000 * Number(minutes.value);
    const series = view.models.map((model) =>
      history.of(model.name, since, time.value).filter((point) => point.at <= now));
    // what was before the page was opened is unknown: no room for it, but a minute to begin with
    const begin = Math.max(since, Math.min(history.begin, now - 60_000));
    view.draw({
      range: [begin / 1000, now / 1000],
      series,
      percentile: `p${percentile.value}`,
      title: `Latency, ms: ${percentile.value}th percentile, ${time.selectedOptions[0].text}`,
    });
  }

  function forgetView() {
    view?.destroy();
    view = undefined;
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
  pause.addEventListener("click", () => {
    pausedAt = pausedAt === null ? Date.now() : null;
    pause.setAttribute("aria-pressed", String(pausedAt !== null));
    if (pausedAt === null) draw();
  });
  catalogue.addEventListener("change", forgetView);
  document.addEventListener("themechange", () => view?.restyle());
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
