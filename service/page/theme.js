// Run before anything is drawn, so that no page flashes up in the wrong colours. A classic script:
// a module would run too late.
"use strict";

(() => {
  const KEY = "theme";
  const root = document.documentElement;

  function remembered() {
    try {
      return localStorage.getItem(KEY) ?? "";
    } catch {
      return ""; // storage may be forbidden
    }
  }

  function apply(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme; // then the system's choice counts
  }

  apply(remembered());

  document.addEventListener("DOMContentLoaded", () => {
    const select = document.getElementById("theme");
    if (!select) return; // the API's description has no switch
    select.value = root.dataset.theme ?? "";
    select.addEventListener("change", () => {
      apply(select.value);
      try {
        localStorage.setItem(KEY, select.value);
      } catch {
        // then it lasts as long as the page
      }
      document.dispatchEvent(new Event("themechange"));
    });
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    document.dispatchEvent(new Event("themechange"));
  });
})();
