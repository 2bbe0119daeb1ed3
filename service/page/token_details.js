/** The panel that tells more of the token that is pointed at or has the keyboard's focus. */

import { h, swatch } from "./dom.js";
import { number, oneIn, percent } from "./numbers.js";

const STAYS_MS = 150; // so that the pointer can reach the panel
const GAP = 6;
const NEAR = 150; // pixels between the lines of two models

/** @param {HTMLElement} panel */
export function createTokenDetails(panel) {
  let token = null;
  let leaving;

  function show(target, block, describe) {
    clearTimeout(leaving);
    mark(false);
    token = target;
    const line = [...block.querySelectorAll("ol")].findIndex((list) => list.contains(target));
    const position = Number(target.dataset.position);
    panel.replaceChildren(...draw(describe(position, line)));
    panel.hidden = false;
    mark(true, block, position);
    place(panel, target);
  }

  function mark(on, block, position) {
    if (!on) for (const each of document.querySelectorAll(".token.at")) each.classList.remove("at");
    else for (const each of block.querySelectorAll(`[data-position="${position}"]`)) each.classList.add("at");
  }

  function hide() {
    clearTimeout(leaving);
    panel.hidden = true;
    token = null;
    mark(false);
  }

  const leave = () => {
    clearTimeout(leaving);
    leaving = setTimeout(() => {
      if (token !== document.activeElement && !panel.matches(":hover")) hide();
    }, STAYS_MS);
  };

  panel.addEventListener("pointerleave", leave);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  addEventListener("scroll", () => token && place(panel, token), { passive: true });
  addEventListener("resize", () => token && place(panel, token));

  return {
    hide,
    /** Tell of the tokens in `block`; `describe(position, line)` says what. */
    attach(block, describe) {
      const on = (event) => {
        const target = event.target.closest?.("button.token");
        if (target) show(target, block, describe);
      };
      block.addEventListener("pointerover", on);
      block.addEventListener("focusin", on);
      // Safari focuses no button that is tapped, and the panel of one that is not focused goes away
      block.addEventListener("click", (event) => event.target.closest("button.token")?.focus());
      block.addEventListener("pointerout", leave);
      block.addEventListener("focusout", leave);
    },
  };
}

function draw({ source, read, rows }) {
  const title = source === "⏎" ? "End of the sentence" : source;
  const differs = read !== source.toLowerCase() && source !== "⏎";
  return [
    h("p", { class: "details-title" }, h("b", {}, title), differs ? ` read as ${read}` : ""),
    rows.map(({ name, series, token }) =>
      h("div", { class: "details-row" },
        h("p", {}, swatch(series), name, ": ", h("b", {}, oneIn(token.log_prob)),
          h("span", { class: "muted" }, ` log-probability ${number(token.log_prob)}`)),
        token.top.length
          ? h("p", {}, "Likeliest here: ", token.top.flatMap((top, index) => [
            index ? ", " : "",
            h("span", { class: top.text === token.text ? "hit" : "" }, top.text),
            ` ${percent(Math.exp(top.log_prob))}`,
          ]))
          : null)),
  ].flat();
}

/**
 * Below the token and the same one of the other models, if they are near, so that none is covered;
 * above them where there is no room, and beside them where there is none either. On narrow screens
 * style/results.css puts the panel at the foot.
 */
function place(panel, target) {
  const at = target.getBoundingClientRect();
  const same = [...document.querySelectorAll(".token.at")].map((each) => each.getBoundingClientRect());
  const near = same.filter((each) => Math.abs(each.top - at.top) < NEAR);
  const below = Math.max(...near.map((each) => each.bottom)) + GAP;
  const size = panel.getBoundingClientRect();
  const above = Math.min(...near.map((each) => each.top)) - GAP - size.height;
  const room = { x: document.documentElement.clientWidth - size.width - GAP, y: innerHeight - size.height - GAP };
  let [left, top] = [Math.max(GAP, Math.min(at.left, room.x)), below];
  if (below > room.y) top = above;
  if (below > room.y && above < GAP) {
    top = Math.max(GAP, Math.min(at.top, room.y));
    left = at.right + GAP > room.x ? at.left - GAP - size.width : at.right + GAP;
  }
  panel.style.setProperty("--left", `${left}px`);
  panel.style.setProperty("--top", `${top}px`);
}
