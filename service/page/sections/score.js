/** Score: every token of a text coloured by surprisal, model below model. */

import { bars } from "../bars.js";
import { h } from "../dom.js";
import { SCORE } from "../examples.js";
import { integer, number, oneIn, ratio } from "../numbers.js";
import { legend } from "../surprisal.js";
import { disagreements, tokenLines } from "../token_lines.js";
import { createTaskForm, linesOf, Missing } from "../task_form.js";

/** Characters; the tokens of longer texts are not drawn, since browsers get slow. */
const LONGEST_DRAWN = 20_000;

/** @param {import("../catalogue.js").Catalogue} catalogue @param {object} details Of tokens. */
export function createScore(catalogue, details) {
  const form = document.querySelector("#score form");
  const { text, top, carry, pretokenized } = form.elements;

  return createTaskForm({
    task: "score",
    examples: SCORE,
    fill(params) {
      text.value = params.get("text") ?? "";
      top.value = params.get("top") ?? "5";
      carry.checked = params.has("carry");
      pretokenized.checked = params.has("pretokenized");
    },
    params: () => [
      ["text", text.value],
      ...(top.value === "5" ? [] : [["top", top.value]]),
      ...(carry.checked ? [["carry", "1"]] : []),
      ...(pretokenized.checked ? [["pretokenized", "1"]] : []),
    ],
    read() {
      const texts = linesOf(text.value);
      if (!texts.length) throw new Missing("Type a sentence first.", text);
      return {
        texts,
        tokens: text.value.length <= LONGEST_DRAWN,
        top_k: Number(top.value),
        carry_state: carry.checked,
        pretokenized: pretokenized.checked,
      };
    },
    draw(response, request, times) {
      details.hide();
      return draw(response, request, { times, catalogue, details });
    },
  }, catalogue);
}

function draw(response, request, { times, catalogue, details }) {
  const models = response.results.map((result) => ({
    name: result.model,
    series: catalogue.series(result.model),
    scores: result.response.scores,
    perplexity: wholePerplexity(result.response.scores),
  }));
  const lines = (text, index) =>
    tokenLines(text, models.map((model) => ({ ...model, score: model.scores[index] })), response.differences[index], details);
  const nodes = [
    h("div", { class: "card" }, request.tokens
      ? [legend(), request.texts.map(lines)]
      : "The text is long, so its words are not drawn one by one."),
    h("div", { class: "columns" },
      h("div", { class: "card" }, perplexityBars(models)),
      times),
  ];
  if (models.length > 1) nodes.push(disagreementTable(response, models));
  const [first] = models;
  const count = first.scores.reduce((sum, score) => sum + score.token_count, 0);
  const figures = models.map((model) => `${model.name} ${number(model.perplexity)}`).join(", ");
  return { nodes, summary: `${integer(count)} tokens scored. Perplexity: ${figures}.` };
}

/** Of all texts together: exp(-sum of log-probabilities / tokens). */
function wholePerplexity(scores) {
  const logProb = scores.reduce((sum, score) => sum + score.log_prob, 0);
  const count = scores.reduce((sum, score) => sum + score.token_count, 0);
  return Math.exp(-logProb / count);
}

function perplexityBars(models) {
  return bars("Perplexity", models.map((model) => ({
    name: model.name,
    series: model.series,
    value: model.perplexity,
    text: number(model.perplexity),
    note: model === models[0] ? "" : ratio(model.perplexity, models[0].perplexity, "less", "more"),
  })), "lower is better");
}

function disagreementTable(response, models) {
  const comparable = response.differences.filter((difference) => difference.comparable);
  const rows = comparable.flatMap((difference) => disagreements(difference))
    .sort((a, b) => b.spread - a.spread).slice(0, 8);
  if (!comparable.length) {
    return h("p", { class: "card" }, "These models cut the text into different words, so they cannot be compared word by word.");
  }
  if (!rows.length) {
    return h("p", { class: "card" }, "The models agree: none gives any word twice the probability that another gives it.");
  }
  return h("div", { class: "card scroll", tabindex: 0, role: "region", "aria-label": "Disagreements" },
    h("table", { class: "plain" },
      h("caption", {}, "Where the models disagree most"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "word"),
        models.map((model) => h("th", { scope: "col" }, model.name)),
        h("th", { scope: "col" }, "factor"))),
      h("tbody", {}, rows.map((row) => h("tr", {},
        h("th", { scope: "row" }, row.text === "<eos>" ? "end of the sentence" : row.text),
        models.map((model) => h("td", {}, oneIn(row.log_probs[model.name]))),
        h("td", {}, `${number(Math.exp(row.spread))}×`))))));
}
