/** One number a model, as a table whose cells are bars: read by eye, by ear, and copied as text. */

import { h, swatch } from "./dom.js";

/**
 * @param {string} caption With the unit.
 * @param {{name: string, series: number, value: number, text: string, note?: string}[]} rows
 * @param {string} [hint] What is better.
 * @param {number} [most] What fills a bar; by default the largest value.
 */
export function bars(caption, rows, hint = "", most = Math.max(...rows.map((row) => row.value), Number.MIN_VALUE)) {
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
