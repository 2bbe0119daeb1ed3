/** What the sections that ask models have in common: choosing models, asking, answering, failing. */

import { ask, Problem } from "./api.js";
import { writeAddress } from "./address.js";
import { h, swatch } from "./dom.js";
import { drawTimes } from "./timing.js";

/** Something is missing in a form. */
export class Missing extends Error {
  /**
   * @param {string} message Asks for it.
   * @param {HTMLElement} [field] Where it belongs.
   */
  constructor(message, field) {
    super(message);
    this.field = field;
  }
}

/** The texts of a field that takes one a line. */
export function linesOf(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

/**
 * @typedef {object} TaskView
 * @property {string} task As in `POST /compare`, and the section's id.
 * @property {() => object} read The request in the form; throws `Missing`.
 * @property {(params: URLSearchParams) => void} fill Put an address' parameters into the form.
 * @property {() => [string, string][]} params The form as parameters of an address.
 * @property {object[]} examples Each with a title and what `params` would give.
 * @property {(response: object, request: object, times: HTMLElement) => {nodes: Node[], summary: string}} draw
 *   Puts `times`, which is filled afterwards, where it belongs.
 */

/**
 * Bring a section to life.
 *
 * @param {TaskView} view
 * @param {import("./catalogue.js").Catalogue} catalogue
 * @returns {{open: (params: URLSearchParams) => void}}
 */
export function createTaskForm(view, catalogue) {
  const section = document.getElementById(view.task);
  const form = section.querySelector("form");
  const choices = section.querySelector(".choices");
  const output = createOutput(section);
  let shown; // the parameters of what is on the screen
  let unchosen = new Set();
  let running;

  function drawChoices() {
    const boxes = catalogue.ready(view.task).map((model) =>
      h("label", {}, h("input", {
        type: "checkbox", name: "model", value: model.name, checked: !unchosen.has(model.name),
      }), swatch(catalogue.series(model.name)), model.name));
    choices.replaceChildren(choices.querySelector("legend"), ...boxes);
    if (!boxes.length) choices.append(h("p", {}, "None for this task is being served."));
  }

  const boxes = () => [...choices.querySelectorAll("input")];

  function params() {
    const chosen = boxes().filter((box) => box.checked);
    const named = chosen.length === boxes().length ? [] : chosen;
    return new URLSearchParams([...view.params(), ...named.map((box) => ["model", box.value])]);
  }

  async function run({ replace = false } = {}) {
    running?.abort();
    const controller = (running = new AbortController());
    try {
      const models = boxes().filter((box) => box.checked).map((box) => box.value);
      if (boxes().length && !models.length) throw new Missing("Choose at least one model.");
      const request = view.read();
      shown = params().toString();
      const fits = writeAddress(view.task, params(), { replace });
      output.wait();
      const body = { task: view.task, models: models.length ? models : null, request };
      const compare = () => ask("compare", { body, signal: controller.signal });
      const response = await compare();
      const times = h("div", { class: "card" });
      const { nodes, summary } = view.draw(response, request, times);
      output.show(nodes, fits ? summary : `${summary} The text is too long for a link: the address names the section alone.`);
      // a failure here is no failure of what is on the screen
      drawTimes(times, response, compare, (name) => catalogue.series(name)).catch(() => {});
    } catch (error) {
      if (error.name === "AbortError") return;
      output.fail(error, () => run({ replace: true }));
      if (error instanceof Problem && error.status === 404) await catalogue.refresh().catch(() => {});
      if (error instanceof Missing) error.field?.focus();
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    }
  });
  choices.addEventListener("change", () => {
    unchosen = new Set(boxes().filter((box) => !box.checked).map((box) => box.value));
    run();
  });
  catalogue.addEventListener("change", drawChoices);
  section.querySelector(".examples").append(...view.examples.map((example) =>
    h("button", {
      type: "button",
      onclick: () => {
        view.fill(new URLSearchParams(example.params));
        run();
      },
    }, example.title)));
  drawChoices();

  return {
    /** Show what an address names; without parameters, what was shown before or the first example. */
    open(asked) {
      const empty = !asked.toString();
      if (empty ? shown !== undefined : asked.toString() === shown) return;
      const named = asked.getAll("model");
      const all = catalogue.ready(view.task).map((model) => model.name);
      unchosen = new Set(named.length ? all.filter((name) => !named.includes(name)) : []);
      drawChoices();
      view.fill(empty ? new URLSearchParams(view.examples[0].params) : asked);
      const gone = named.filter((name) => !all.includes(name));
      if (gone.length) {
        running?.abort();
        shown = asked.toString();
        if (unchosen.size === all.length) unchosen = new Set();
        drawChoices();
        output.fail(new Error(`This link asks for ${gone.join(" and ")}, which the service no longer serves. Choose among the models above.`));
      } else {
        run({ replace: true });
      }
    },
  };
}

/** The places of a section where results, their summary, and errors are shown. */
export function createOutput(section) {
  const [status, problem, results] = [".status", ".problem", ".results"].map((name) => section.querySelector(name));

  function set(text, busy) {
    status.textContent = text;
    results.setAttribute("aria-busy", String(busy));
  }

  return {
    /** Former results stay, faded, until new ones come. */
    wait() {
      problem.hidden = true;
      set("Asking…", true);
    },
    /** @param {Node[]} nodes @param {string} summary Read out by screen readers. */
    show(nodes, summary) {
      problem.hidden = true;
      results.replaceChildren(...nodes);
      set(summary, false);
    },
    /** @param {Error} error @param {() => void} [again] Offered as a button, if it may help. */
    fail(error, again) {
      results.replaceChildren();
      set("", false);
      const mayHelp = error instanceof Problem && [0, 429, 500, 503, 504].includes(error.status);
      problem.replaceChildren(h("p", {}, error.message));
      if (mayHelp && again) problem.append(h("button", { type: "button", onclick: again }, "Try again"));
      problem.hidden = false;
    },
  };
}
