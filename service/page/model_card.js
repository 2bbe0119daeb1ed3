/** One model's card. */

import { h, swatch } from "./dom.js";
import { issSizes } from "./iss_sizes.js";
import { bytes, duration, integer, large, metric } from "./numbers.js";
import { metricName } from "./trade_off.js";

const ARCHITECTURES = { recurrent_lm: "language model", rhn: "recurrent highway network", bidaf: "bidirectional attention flow", classifier: "LSTM classifier" };

/**
 * @param {object} model As `GET /models` gives it.
 * @param {number} series Its mark.
 * @param {HTMLElement} details Stands at the end of a ready model's card.
 */
export function modelCard(model, series, details) {
  const title = h("h3", {}, model.state === "ready" ? swatch(series) : null, model.name, " ", h("span", { class: `state ${model.state}` }, model.state));
  const error = model.error ? h("p", { class: "problem" }, model.error) : null;
  if (model.state !== "ready") {
    return h("article", { class: "card model" }, title, error ?? h("p", {}, "It is being loaded."));
  }
  const kind = model.architecture.kind;
  const cell = model.architecture.cell ? `${model.architecture.cell.toUpperCase()} ` : "";
  return h("article", { class: "card model" },
    title,
    h("p", { class: "muted" }, `${model.variant} · ${cell}${ARCHITECTURES[kind] ?? kind} · task ${model.task} · ${model.engine}`),
    error,
    issSizes(model, series),
    facts([
      ["parameters", large(model.parameters), integer(model.parameters)],
      ["multiply-adds a token", large(model.multiply_adds), integer(model.multiply_adds)],
      ...(model.architecture.depth ? [["highway steps a word", integer(model.architecture.depth)]] : []),
      ["on disk", bytes(model.bytes)],
      ["in the engine", bytes(model.engine_bytes)],
      ...Object.entries(model.metrics ?? {}).map(([name, value]) => [metricName(name), metric(value), String(value)]),
      ...(model.labels ? [["labels", model.labels.join(", ")]] : []),
      ...(model.word_vectors ? [["word vectors", model.word_vectors]] : []),
      ...(model.reading ? [["reads", `windows of ${model.reading.window_words} words`]] : []),
    ]),
    details);
}

/** How a model was made. @param {object} made Its `provenance` in `GET /models/{name}`. */
export function howItWasMade(made) {
  return [facts(provenance(made)), trainingTable(made)];
}

/** Names and values; the third entry is the exact value, shown to a pointer that rests there. */
function facts(entries) {
  return h("dl", { class: "facts" }, entries.map(([name, value, exact]) =>
    h("div", {}, h("dt", {}, name), h("dd", { title: exact }, value))));
}

function provenance(made) {
  return [
    ["command", h("code", {}, made.command)],
    ["preset", made.preset],
    ["seed", String(made.seed)],
    ["commit", h("code", {}, made.commit)],
    ["when", new Date(made.created).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" }) + " UTC"],
    ["machine", made.machine],
    ["took", duration(made.wall_time_seconds)],
    ...(made.notes ? [["notes", made.notes]] : []),
    ...Object.entries(made.data_sha256).map(([file, hash]) => [file, h("code", {}, `sha256 ${hash}`)]),
  ];
}

function trainingTable(made) {
  const rows = Object.entries(made.training).filter(([, value]) => value !== null);
  if (!rows.length) return "";
  return h("details", {}, h("summary", {}, "Training settings"),
    facts(rows.map(([name, value]) => [name.replaceAll("_", " "), typeof value === "object" ? JSON.stringify(value) : String(value)])));
}
