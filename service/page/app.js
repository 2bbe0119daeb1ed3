/** The page: its sections, and the way between them through the address bar. */

import { readAddress } from "./address.js";
import { storeKey } from "./api.js";
import { Catalogue, TASKS } from "./catalogue.js";
import { createAnswer } from "./sections/answer.js";
import { createClassify } from "./sections/classify.js";
import { createLive } from "./sections/live.js";
import { createModels } from "./sections/models.js";
import { createScore } from "./sections/score.js";
import { createTokenDetails } from "./token_details.js";
import { createOutput } from "./task_form.js";

const catalogue = new Catalogue();
const details = createTokenDetails(document.getElementById("token-details"));
const links = Object.fromEntries([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(2), link]));
let sections;
let current;

/** The section to begin with: of the first task that a model is served for. */
function first() {
  return TASKS.find((task) => catalogue.ready(task).length) ?? TASKS[0];
}

/** Tasks without a model are not offered. */
function showTasks() {
  for (const task of TASKS) links[task].hidden = !catalogue.ready(task).length && task !== first();
}

function go({ moveFocus }) {
  const { section, params } = readAddress();
  const name = sections[section] ? section : first();
  if (name !== current) {
    sections[current]?.close?.();
    details.hide();
    for (const [each, link] of Object.entries(links)) {
      document.getElementById(each).hidden = each !== name;
      if (each === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const heading = document.getElementById(`${name}-title`);
    document.title = `${links[name].textContent} · issrnn`;
    current = name;
    if (moveFocus) heading.focus();
  }
  sections[name].open(params);
}

/** Asks for an API key when the service wants one, and begins anew with it. */
function offerKey() {
  const form = document.getElementById("key");
  document.addEventListener("keywanted", () => (form.hidden = false));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    storeKey(form.elements.key.value.trim());
    location.reload();
  });
}

async function start() {
  offerKey();
  try {
    await catalogue.refresh();
  } catch (error) {
    const section = document.getElementById("score");
    section.hidden = false;
    section.querySelector("form").hidden = true; // nothing would read it
    createOutput(section).fail(error, () => location.reload());
    return;
  }
  catalogue.addEventListener("change", showTasks);
  showTasks();
  sections = {
    score: createScore(catalogue, details),
    answer: createAnswer(catalogue),
    classify: createClassify(catalogue),
    models: createModels(catalogue),
    live: createLive(catalogue),
  };
  addEventListener("popstate", () => go({ moveFocus: true }));
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address says what is shown
    document.getElementById("main").focus();
  });
  // a link back to a section leads to what was on its screen
  document.addEventListener("addresschange", ({ detail }) => links[detail.section].setAttribute("href", detail.hash));
  go({ moveFocus: false });
}

start();
