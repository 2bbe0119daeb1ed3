/** Classify: each model's label of each text, with the probabilities of all labels. */

import { bars } from "../bars.js";
import { h, swatch } from "../dom.js";
import { CLASSIFY } from "../examples.js";
import { integer, percent } from "../numbers.js";
import { createTaskForm, linesOf, Missing } from "../task_form.js";

/** Texts; of more only the first are drawn, since browsers get slow. */
const MOST_DRAWN = 100;

/** Texts; of more their labels are counted in the summary, which is read out. */
const MOST_READ_OUT = 3;

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
      const texts = linesOf(text.value);
      if (!texts.length) throw new Missing("Type a text first.", text);
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
  const texts = request.texts.slice(0, MOST_DRAWN).map((text, index) =>
    h("article", { class: "card" },
      h("blockquote", {}, text),
      models.length > 1 ? h("p", { class: "verdict" }, verdict(response.differences[index])) : null,
      h("div", { class: "columns" }, models.map((model) => labelBars(model, model.results[index])))));
  const more = request.texts.length - texts.length;
  if (more) texts.push(h("p", { class: "card" }, `${integer(more)} more texts were labelled, which are not drawn.`));
  return { nodes: [...texts, times], summary: `${models.map(found).join(". ")}.` };
}

/** What a model found: each label, or of many texts how often each. */
function found({ name, results }) {
  if (results.length <= MOST_READ_OUT) {
    return `${name}: ${results.map((result) => `${result.label}, ${percent(result.score)}`).join("; ")}`;
  }
  const counts = new Map();
  for (const { label } of results) counts.set(label, (counts.get(label) ?? 0) + 1);
  return `${name}: ${[...counts].map(([label, count]) => `${integer(count)} ${label}`).join(", ")}`;
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
