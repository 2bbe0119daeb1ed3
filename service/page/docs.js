/** The API's interactive description, drawn by Swagger UI from what the service says of itself. */

/** What was chosen on the page (theme.js), or else the system. */
function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

document.documentElement.classList.toggle("dark-mode", isDark());

SwaggerUIBundle({
  url: "openapi.json", // relative, so that it also works below a prefix
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: -1, // each is described where it is used
  validatorUrl: "none", // else the description would be sent to a validator elsewhere
});
