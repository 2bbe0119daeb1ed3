/** A text's tokens, coloured by surprisal: one line a model, below each other. */

import { h, slicePoints, swatch } from "./dom.js";
import { number, oneIn } from "./numbers.js";
import { surpriseClass } from "./surprisal.js";

/** Models disagree on a token if one gives it twice the probability. */
const DISAGREE = Math.log(2);

/**
 * @param {string} text As posted.
 * @param {{name: string, series: number, score: object}[]} variants Each model's score of the text.
 * @param {object} difference Of the text, as `/compare` gives it.
 * @param {ReturnType<import("./token_details.js").createTokenDetails>} details
 * @returns {HTMLElement}
 */
export function tokenLines(text, variants, difference, details) {
  const points = Array.from(text);
  const differing = new Set(disagreements(difference).map((each) => each.position));
  const lines = variants.map((variant) =>
    h("div", { class: "line" },
      h("p", { class: "line-head" }, swatch(variant.series), h("b", {}, variant.name),
        ` perplexity ${number(variant.score.perplexity)}`),
      tokenList(points, variant, differing)));
  const block = h("div", { class: "lines" }, lines);
  details.attach(block, (position, line) => describe(position, line, points, variants, difference.comparable));
  moveByKeys(block);
  return block;
}

/** Those of `/compare`'s largest differences that are worth a mark. */
export function disagreements(difference) {
  return difference.largest.filter((each) => each.spread >= DISAGREE);
}

/** What a token stands for: the text's own words, or the end of the sentence. */
function sourceOf(points, token) {
  return token.end > token.start ? slicePoints(points, token.start, token.end) : "⏎";
}

function tokenList(points, { name, score }, differing) {
  const items = score.tokens.map((token, position) => {
    const source = sourceOf(points, token);
    const classes = ["token", `s${surpriseClass(token.log_prob)}`];
    if (token.text === "<unk>") classes.push("unknown");
    if (differing.has(position)) classes.push("differs");
    const spoken = source === "⏎" ? "end of the sentence" : source;
    return h("li", {}, h("button", {
      type: "button",
      class: classes.join(" "),
      "data-position": position,
      tabindex: position === 0 ? 0 : -1,
      "aria-label": `${spoken}, ${oneIn(token.log_prob)}${differing.has(position) ? ", the models disagree" : ""}`,
      "aria-describedby": "token-details",
    }, source));
  });
  return h("ol", { class: "tokens", "aria-label": `Tokens as ${name} expects them` }, items);
}

function describe(position, line, points, variants, comparable) {
  const own = variants[line].score.tokens[position];
  const rows = (comparable ? variants : [variants[line]]).map((variant) => ({
    ...variant,
    token: variant.score.tokens[position],
  }));
  return { source: sourceOf(points, own), read: own.text, rows };
}

/** Left and right along a line, up and down between models; a line is one stop of the tab key. */
function moveByKeys(block) {
  const lists = [...block.querySelectorAll("ol")].map((list) => [...list.querySelectorAll("button")]);

  function focus(token) {
    for (const other of lists.flat()) other.tabIndex = -1;
    for (const list of lists) list[Math.min(Number(token.dataset.position), list.length - 1)].tabIndex = 0;
    token.focus();
  }

  block.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return; // the browser's own
    const line = lists.findIndex((list) => list.includes(event.target));
    if (line < 0) return;
    const at = lists[line].indexOf(event.target);
    const moves = {
      ArrowRight: [line, at + 1],
      ArrowLeft: [line, at - 1],
      ArrowDown: [line + 1, at],
      ArrowUp: [line - 1, at],
      Home: [line, 0],
      End: [line, lists[line].length - 1],
    };
    const [toLine, toPosition] = moves[event.key] ?? [];
    const target = lists[toLine]?.[toPosition];
    if (event.key in moves) event.preventDefault();
    if (target) focus(target);
  });
}
