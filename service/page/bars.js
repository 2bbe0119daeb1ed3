/** One number a model, as a table whose cells are bars: read by eye, by ear, and copied as text. */

import { h, swatch } from "./dom.js";
import { milliseconds, ratio } from "./numbers.js";

/**
 * @param {string} caption With the unit.
 * @param {{name: string, series: number, value: number, text: string, note?: string}[]} rows
 * @param {string} [hint] What is better.
 */
export function bars(caption, rows, hint = "") {
  const most = Math.max(...rows.map((row) => row.value), Number.MIN_VALUE);
  return h("table", { class: "bars" },
    h("caption", {}, caption, hint ? h("span", { class: "muted" }, ` ${hint}`) : null),
    h("tbody", {}, rows.map((row) =>
      h("tr", {},
        h("th", { scope: "row" }, swatch(row.series), row.name),
        h("td", { class: "bar" }, h("span", {
          style: { "--series": `var(--series-${row.series})`, "--share": `${(100 * row.value) / most}%` },
        })),
        h("td", { class: "number" }, row.text),
        h("td", { class: "note" }, row.note ?? "")))));
}

/**
 * How long each model computed.
 *
 * @param {{name: string, series: number, timing: {compute: number}}[]} models The first is what the
 *   others are compared with.
 */
export function timeBars(models) {
  return bars("Time to compute", models.map((model) => ({
    name: model.name,
    series: model.series,
    value: model.timing.compute,
    text: milliseconds(model.timing.compute),
    note: model === models[0] ? "" : ratio(model.timing.compute, models[0].timing.compute, "faster", "slower"),
  })), "this one request; load tests tell more");
}
