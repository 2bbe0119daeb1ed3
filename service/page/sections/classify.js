/** Classify: each model's label of each text, with the probabilities of all labels. */

import { bars } from "../bars.js";
import { h, swatch } from "../dom.js";
import { CLASSIFY } from "../examples.js";
import { integer, percent } from "../numbers.js";
import { createTaskForm } from "../task_form.js";

/** @param {import("../catalogue.js").Catalogue} catalogue */
export function createClassify(catalogue) {
  const { text } = document.querySelector("#classify form").elements;

  return createTaskForm({
    task: "classify",
    examples: CLASSIFY,
    fill(params) {
      text.value = params.get("text") ?? "";
    },
    params: () => [["text", text.value]],
    read() {
      const texts = text.value.split("\n").map((line) => line.trim()).filter(Boolean);
      if (!texts.length) throw new Error("Type a text first.");
      return { texts };
    },
    draw: (response, request, times) => draw(response, request, times, catalogue),
  }, catalogue);
}

function draw(response, request, times, catalogue) {
  const models = response.results.map((result) => ({
    name: result.model,
    series: catalogue.series(result.model),
    results: result.response.results,
  }));
  const texts = request.texts.map((text, index) =>
    h("article", { class: "card" },
      h("blockquote", {}, text),
      models.length > 1 ? h("p", { class: "verdict" }, verdict(response.differences[index])) : null,
      h("div", { class: "columns" }, models.map((model) => labelBars(model, model.results[index])))));
  const found = models.map((model) =>
    `${model.name}: ${model.results.map((result) => `${result.label}, ${percent(result.score)}`).join("; ")}`);
  return { nodes: [...texts, times], summary: `${found.join(". ")}.` };
}

function verdict({ same, spreads }) {
  const [most, label] = Object.entries(spreads).reduce(([most, label], [other, spread]) =>
    (spread > most ? [spread, other] : [most, label]), [0, ""]);
  const apart = label ? ` Most apart on ${label}: by ${percent(most)}.` : "";
  return (same ? "The models agree." : "The models disagree.") + apart;
}

function labelBars(model, result) {
  const scores = Object.entries(result.scores).sort(([, a], [, b]) => b - a);
  return h("div", {},
    h("p", {}, swatch(model.series), model.name, ": ", h("b", {}, result.label)),
    bars("Probability", scores.map(([label, score]) =>
      ({ name: label, series: model.series, value: score, text: percent(score) })), "", 1),
    h("p", { class: "muted" }, `${integer(result.word_count)} words, of which ${integer(result.unknown_count)} are unknown to it.`));
}
