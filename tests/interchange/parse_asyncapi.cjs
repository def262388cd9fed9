// Reads an AsyncAPI document on standard input; prints what the official parser finds wrong with it, as JSON.
const { readFileSync } = require("node:fs");
const { Parser } = require("@asyncapi/parser");

new Parser().parse(readFileSync(0, "utf8")).then(({ document, diagnostics }) => {
  const operations = document ? document.operations().all().map((operation) => operation.id()) : null;
  console.log(JSON.stringify({ operations, diagnostics: diagnostics.map((item) => [item.severity, item.code, item.message, item.path.join(".")]) }));
});
