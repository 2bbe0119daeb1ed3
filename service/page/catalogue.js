/** The models that are served, as the service said when it was asked last. */

import { ask } from "./api.js";

/** As many marks as style/colours.css has. */
const SERIES = 16;

/** All that a model can be for. */
export const TASKS = ["score", "answer", "classify"];

export class Catalogue extends EventTarget {
  /** All models, failed ones too, as `GET /models` gives them. */
  models = [];

  /** Ask the service anew; listeners of "change" are told. */
  async refresh() {
    this.models = (await ask("models")).models;
    this.dispatchEvent(new Event("change"));
  }

  /** Models of a task that can be asked, the largest first: it is what the others are compared with. */
  ready(task) {
    return this.models
      .filter((model) => model.state === "ready" && (task === undefined || model.task === task))
      .sort((a, b) => b.multiply_adds - a.multiply_adds || a.name.localeCompare(b.name));
  }

  /** Which mark stands for a model, the same in every table and chart. */
  series(name) {
    const names = TASKS.flatMap((task) => this.ready(task)).map((model) => model.name);
    return Math.max(0, names.indexOf(name)) % SERIES;
  }
}
