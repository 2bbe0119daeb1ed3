/** Models: every card, and what each model costs against how good it is. */

import { ask } from "../api.js";
import { writeAddress } from "../address.js";
import { TASKS } from "../catalogue.js";
import { h } from "../dom.js";
import { howItWasMade, modelCard } from "../model_card.js";
import { commonMetrics, metricName, tradeOff } from "../trade_off.js";
import { createOutput } from "../task_form.js";

/** @param {import("../catalogue.js").Catalogue} catalogue */
export function createModels(catalogue) {
  const section = document.getElementById("models");
  const output = createOutput(section);
  const metricOf = {};
  let open = new Set();

  function remember() {
    if (section.hidden) return; // the address is another section's by now
    const params = new URLSearchParams([
      ...[...open].map((name) => ["open", name]),
      ...Object.entries(metricOf).map(([task, metric]) => [task, metric]),
    ]);
    writeAddress("models", params, { replace: true });
  }

  function card(model) {
    const made = h("div");
    const details = h("details", { open: open.has(model.name) }, h("summary", {}, "How it was made"), made);
    details.addEventListener("toggle", () => {
      if (details.open) open.add(model.name);
      else open.delete(model.name);
      remember();
      if (details.open && !made.querySelector("dl")) tell(model.name, made);
    });
    return modelCard(model, catalogue.series(model.name), details);
  }

  /** Asked for when it is wanted: a request for every model would be too many for some keys. */
  async function tell(name, place) {
    try {
      const { provenance } = await ask(`models/${encodeURIComponent(name)}`);
      place.replaceChildren(...howItWasMade(provenance));
    } catch (error) {
      place.replaceChildren(h("p", { class: "problem", role: "alert" }, error.message));
    }
  }

  function chart(task, models) {
    const metrics = commonMetrics(models);
    if (!metrics.length) return null;
    const chosen = metrics.includes(metricOf[task]) ? metricOf[task] : metrics[0];
    const place = h("div", { class: "plot" });
    const select = h("select", {
      onchange: () => {
        metricOf[task] = select.value;
        draw();
        remember();
      },
    }, metrics.map((name) => h("option", { value: name, selected: name === chosen }, metricName(name))));
    let width = 0;
    const draw = () => place.replaceChildren(tradeOff(models, select.value, (name) => catalogue.series(name), width));
    new ResizeObserver(() => {
      if (place.clientWidth === width || !place.clientWidth) return;
      width = place.clientWidth;
      draw();
    }).observe(place);
    return h("div", { class: "card" },
      h("h3", {}, `Trade-off: ${task}`),
      h("label", {}, "Metric ", select),
      place);
  }

  async function show() {
    output.wait();
    try {
      await catalogue.refresh();
      const { models } = catalogue;
      const groups = TASKS.map((task) => [task, catalogue.ready(task)]).filter(([, group]) => group.length);
      const broken = models.filter((model) => model.state !== "ready");
      const nodes = [
        h("div", { class: "columns" }, groups.map(([task, group]) => chart(task, group))),
        h("div", { class: "columns" }, [...groups.flatMap(([, group]) => group), ...broken].map(card)),
      ];
      output.show(nodes, `${models.length - broken.length} models are ready${broken.length ? `, ${broken.length} are not` : ""}.`);
    } catch (error) {
      output.fail(error, show);
    }
  }

  return {
    open(params) {
      open = new Set(params.getAll("open"));
      for (const task of TASKS) if (params.has(task)) metricOf[task] = params.get(task);
      show();
    },
  };
}
