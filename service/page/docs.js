/** The API's interactive description, drawn by Swagger UI from what the service says of itself. */

document.documentElement.classList.toggle("dark-mode", matchMedia("(prefers-color-scheme: dark)").matches);

SwaggerUIBundle({
  url: "openapi.json", // relative, so that it also works below a prefix
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: -1, // each is described where it is used
  validatorUrl: "none", // else the description would be sent to a validator elsewhere
});
