/** How surprising a token is: six classes, from at least 1 in 2 to less than 1 in 10,000. */

import { h } from "./dom.js";

const BOUNDS = [0.5, 0.1, 0.01, 0.001, 0.0001].map(Math.log);
const LABELS = ["1 in 2", "1 in 10", "1 in 100", "1 in 1,000", "1 in 10,000", "rarer"];

/** Class 0 to 5 of a log-probability; style/colours.css has a colour for each. */
export function surpriseClass(logProb) {
  const found = BOUNDS.findIndex((bound) => logProb >= bound);
  return found < 0 ? BOUNDS.length : found;
}

/** What the colours and marks mean. */
export function legend() {
  return h("p", { class: "legend" }, "Probability at least ",
    LABELS.map((label, index) => h("span", { class: `token s${index}` }, label)),
    h("span", { class: "token s0 unknown" }, "word"), " not in the vocabulary ",
    h("span", { class: "token s0 differs" }, "word"), " the models disagree most");
}
