/** Answer: the parts of a passage that may answer a question, model beside model. */

import { bars } from "../bars.js";
import { h, swatch } from "../dom.js";
import { ANSWER } from "../examples.js";
import { percent } from "../numbers.js";
import { markedPassage, showBest } from "../passage.js";
import { createTaskForm, Missing } from "../task_form.js";

/** @param {import("../catalogue.js").Catalogue} catalogue */
export function createAnswer(catalogue) {
  const form = document.querySelector("#answer form");
  const { context, question, top } = form.elements;

  return createTaskForm({
    task: "answer",
    examples: ANSWER,
    fill(params) {
      context.value = params.get("context") ?? "";
      question.value = params.get("question") ?? "";
      top.value = params.get("top") ?? "3";
    },
    params: () => [
      ["context", context.value],
      ["question", question.value],
      ...(top.value === "3" ? [] : [["top", top.value]]),
    ],
    read() {
      if (!context.value.trim()) throw new Missing("Put in a passage first.", context);
      if (!question.value.trim()) throw new Missing("Ask a question about the passage.", question);
      return { context: context.value, question: question.value, top_k: Number(top.value) };
    },
    draw: (response, request, times) => draw(response, request, times, catalogue),
  }, catalogue);
}

function draw(response, request, times, catalogue) {
  const models = response.results.map((result) => ({
    name: result.model,
    series: catalogue.series(result.model),
    answers: result.response.answers,
    windows: result.response.windows,
  }));
  const passages = models.map((model) => card(model, request));
  requestAnimationFrame(() => passages.forEach((each) => showBest(each.querySelector(".passage"))));
  const nodes = [
    models.length > 1 ? h("p", { class: "card verdict" }, verdict(response, models)) : null,
    h("div", { class: "columns" }, passages),
    h("div", { class: "columns" },
      h("div", { class: "card" }, bars("Probability of the best answer", models.map((model) => ({
        name: model.name,
        series: model.series,
        value: model.answers[0].score,
        text: percent(model.answers[0].score),
      })), "how sure each is", 1)),
      times),
  ].filter(Boolean);
  const found = models.map((model) => `${model.name}: “${model.answers[0].text}”, ${percent(model.answers[0].score)}`);
  return { nodes, summary: `Best answers. ${found.join(". ")}.` };
}

function card(model, request) {
  return h("article", { class: "card" },
    h("h3", {}, swatch(model.series), model.name),
    markedPassage(request.context, model.answers, `The passage with the answers of ${model.name}`),
    h("ol", { class: "answers" }, model.answers.map((answer) =>
      h("li", {}, h("b", {}, answer.text), ` ${percent(answer.score)}`))),
    model.windows > 1 ? h("p", { class: "muted" }, `Read in ${model.windows} overlapping windows.`) : null);
}

function verdict(response, models) {
  const others = response.differences;
  if (others.every((other) => other.same)) return `Same answer from every model: “${models[0].answers[0].text}”.`;
  const different = others.filter((other) => !other.same).map((other) =>
    other.overlap > 0
      ? `${other.model} marks a different but overlapping part`
      : `${other.model} gives a different answer`);
  return `Compared with ${response.reference}: ${different.join("; ")}.`;
}
