// A field of a form: its label, its control, a hint, and what the API says is wrong with it.

import { el, freshId, say } from "../base/dom.js";

/**
 * @param {string} label
 * @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} control
 * @param {{ pointer?: string, hint?: string, hidden?: boolean, kind?: string }} [about] `pointer`: where it is in the JSON; `hidden`: its label is only heard
 * @returns {HTMLElement}
 */
export function field(label, control, { pointer, hint, hidden, kind = "" } = {}) {
  control.id = freshId();
  const error = el("p", { class: "field-error", id: freshId(), hidden: true });
  const hintLine = hint && el("p", { class: "field-hint", id: freshId() }, hint);
  if (hintLine) control.setAttribute("aria-describedby", hintLine.id);
  const node = el("div", { class: `field ${kind}`, "data-pointer": pointer },
    el("label", { for: control.id, class: hidden ? "heard" : undefined }, label), control, hintLine, error);
  // What is wrong was said of what was there before.
  control.addEventListener("input", () => clear(node));
  return node;
}

/**
 * @param {Element} node a field, or anything with an error line
 * @param {string} text
 */
export function mark(node, text) {
  const error = errorOf(node);
  if (!error) return;
  say(error, error.hidden ? text : `${error.textContent}; ${text}`);
  error.hidden = false;
  node.classList.add("wrong");
  for (const control of controls(node)) {
    control.setAttribute("aria-invalid", "true");
    const described = (control.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== error.id);
    control.setAttribute("aria-describedby", [...described, error.id].join(" "));
  }
}

/** @param {Element} node */
export function clear(node) {
  // A field inside has cleared it before, if it is the same line.
  const error = errorOf(node);
  if (!error || !node.classList.contains("wrong")) return;
  error.hidden = true;
  error.textContent = "";
  node.classList.remove("wrong");
  for (const control of controls(node)) control.removeAttribute("aria-invalid");
}

/**
 * The line that says what is wrong: its own, or that of a field inside.
 * @param {Element} node
 * @returns {HTMLElement | null}
 */
function errorOf(node) {
  return node.querySelector(":scope > .field-error") ?? node.querySelector(".field-error");
}

/** @param {Element} node */
export function controls(node) {
  return /** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll("input, select, textarea"));
}

/**
 * @param {string} name
 * @param {import("../base/dom.js").Attributes} [attributes]
 * @returns {HTMLInputElement}
 */
export function input(name, attributes) {
  return el("input", { name, autocomplete: "off", spellcheck: "false", ...attributes });
}

/**
 * @param {string} name
 * @param {[string, string][]} options value and words
 * @returns {HTMLSelectElement}
 */
export function select(name, options) {
  return el("select", { name }, options.map(([value, words]) => el("option", { value }, words)));
}

/**
 * A part of a form that is folded away until it is needed.
 * @param {string} title
 * @param {import("../base/dom.js").Child[]} content
 * @param {string[]} keys the fields of the JSON that are in it
 */
export function fold(title, content, keys) {
  return el("details", { class: "fold", "data-keys": keys.join(" ") },
    el("summary", {}, el("span", {}, title), el("span", { class: "fold-note" })),
    el("div", { class: "fold-inside" }, content));
}
