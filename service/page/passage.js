/** A passage with the parts marked that may answer the question. */

import { h, slicePoints } from "./dom.js";
import { percent } from "./numbers.js";

/**
 * @param {string} text The passage.
 * @param {{start: number, end: number, score: number}[]} answers Best first; they do not overlap.
 * @param {string} label For screen readers.
 */
export function markedPassage(text, answers, label) {
  const points = Array.from(text);
  const ranked = answers.map((answer, rank) => ({ ...answer, rank })).sort((a, b) => a.start - b.start);
  const nodes = [];
  let at = 0;
  for (const { start, end, score, rank } of ranked) {
    nodes.push(slicePoints(points, at, start));
    nodes.push(h("mark", { class: rank === 0 ? "best" : "" },
      slicePoints(points, start, end), h("span", { class: "score" }, ` ${percent(score)}`)));
    at = end;
  }
  nodes.push(slicePoints(points, at, points.length));
  return h("div", { class: "passage", tabindex: 0, role: "region", "aria-label": label }, nodes);
}

/** Scroll a passage's best answer into its own view, and nothing else. */
export function showBest(passage) {
  const best = passage.querySelector("mark.best");
  if (best) passage.scrollTop = best.offsetTop - passage.clientHeight / 2;
}
