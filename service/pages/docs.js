// What Swagger UI leaves to a mouse and to good eyes. Within an operation's button its path is text: a
// link there could not be told from the button, and the address bar has it once the operation is open.
const forAll = ({ React }) => ({
  wrapComponents: {
    DeepLink: (Link) => (link) =>
      React.createElement(Link, { ...link, enabled: link.enabled && !link.path.includes("/") }),
    ExamplesSelect: (Select) => (select) =>
      React.createElement("label", null, React.createElement(Select, { ...select, showLabels: true })),
    TextArea: (Area) => (area) => React.createElement(Area, { ...area, "aria-label": "Body" }),
  },
});

// Its buttons that show a picture alone have no name.
const NAMES = { ".copy-to-clipboard button": "Copy", ".close-modal": "Close" };
new MutationObserver(() => {
  for (const [buttons, name] of Object.entries(NAMES)) {
    for (const button of document.querySelectorAll(buttons)) button.title = name;
  }
}).observe(document.getElementById("reference"), { childList: true, subtree: true });

// Swagger UI for the API of the very host that serves this page.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  syntaxHighlight: { theme: "tomorrow-night" },
  plugins: [forAll],
});
