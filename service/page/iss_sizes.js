/** ISS sizes: what is left of each layer, drawn inside the dense model's layer. */

import { h } from "./dom.js";
import { integer } from "./numbers.js";

/**
 * @param {{hidden_sizes: number[], dense_hidden_sizes: number[]|null, layer_names: string[]}} model
 * @param {number} series Its mark.
 */
export function issSizes(model, series) {
  const dense = model.dense_hidden_sizes ?? model.hidden_sizes;
  const most = Math.max(...dense);
  const shrunk = model.dense_hidden_sizes !== null;
  return h("table", { class: "bars sizes" },
    h("caption", {}, "Hidden units", h("span", { class: "muted" }, shrunk ? " left of the dense model’s" : " of each layer")),
    h("tbody", {}, model.hidden_sizes.map((size, layer) =>
      h("tr", {},
        h("th", { scope: "row" }, layerName(model.layer_names[layer])),
        h("td", { class: "bar" },
          h("span", { class: "dense", style: { "--share": `${(100 * dense[layer]) / most}%` } }),
          h("span", {
            style: { "--series": `var(--series-${series})`, "--share": `${(100 * size) / most}%` },
          })),
        h("td", { class: "number" }, shrunk ? `${integer(size)} of ${integer(dense[layer])}` : integer(size))))));
}

/** `modelling.0.forward_lstm` -> "modelling 1, forward"; `layers.0` -> "layer 1". */
function layerName(module) {
  const [name, ...rest] = module.split(".");
  const index = rest.find((part) => /^\d+$/.test(part));
  const direction = rest.map((part) => /^(forward|backward)_lstm$/.exec(part)?.[1]).find(Boolean);
  const title = name === "layers" ? "layer" : name;
  return [title, index === undefined ? "" : ` ${Number(index) + 1}`, direction ? `, ${direction}` : ""].join("");
}
