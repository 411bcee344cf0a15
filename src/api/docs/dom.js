
// Making elements. All text goes in as text, so nothing in the document or in an answer can become markup.

function el(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => ![undefined, null, false, ""].includes(child)));
  return element;
}

// A line of prose: what is between backticks is code.
function prose(text) {
  return (text ?? "").split("`").map((part, n) => (n % 2 ? el("code", {}, part) : part));
}

function paragraphs(text) {
  return (text ?? "").split("\n\n").map((part) => el("p", {}, prose(part)));
}

// JSON with its names, texts and numbers in colour.
function coloured(text) {
  const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null|-?\d[\d.eE+-]*)\b/g;
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(token)) {
    parts.push(text.slice(end, match.index));
    const kind = match[2] ? "k" : match[1] ? "s" : "n";
    parts.push(el("span", { class: kind }, match[1] ?? match[3]), match[2] ?? "");
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return parts;
}

// A text of JSON with each token as it was written: a script's numbers do not hold all that an answer has.
function asWritten(text) {
  return el("pre", { tabindex: "0" }, coloured(indented(text)));
}

function isJson(text) {
  try { JSON.parse(text); return true; } catch { return false; }
}

function code(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return el("pre", { tabindex: "0" }, typeof value === "string" ? text : coloured(text));
}

function folded(summary, inside, attributes) {
  const content = el("div", { class: "inside" });
  const details = el("details", attributes, el("summary", {}, summary), content);
  // Filled when it is opened first: most never are.
  details.addEventListener("toggle", () => content.childElementCount || content.append(...[inside()].flat()), { once: true });
  return details;
}
