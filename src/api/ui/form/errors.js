// The API's own errors, each at the field that it names; what names none is said above the button.

import { clear, controls, mark } from "./field.js";

/**
 * @param {HTMLElement} form
 * @param {HTMLElement} summary where the rest is said
 * @param {{ pointer: string, detail: string }[]} errors
 */
export function showErrors(form, summary, errors) {
  const rest = [];
  for (const { pointer, detail } of errors) {
    const field = fieldOf(form, pointer);
    if (field) mark(field, detail);
    else rest.push(pointer ? `${pointer} ${detail}` : detail);
  }
  summary.textContent = rest.join(" ");
  summary.hidden = rest.length === 0;
  const wrong = /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll(".wrong"));
  // What is wrong is not folded away.
  for (const field of wrong) field.closest("details")?.setAttribute("open", "");
  const [first] = wrong;
  if (first) controls(first)[0]?.focus();
  else if (rest.length) summary.focus();
}

/**
 * @param {HTMLElement} form
 * @param {HTMLElement} summary
 */
export function clearErrors(form, summary) {
  for (const field of form.querySelectorAll(".wrong")) clear(field);
  summary.hidden = true;
}

/**
 * The field of a pointer, or of what it is in: `/headers/x` is in `/headers`. Some stand for several, which they name one by one.
 * @param {HTMLElement} form
 * @param {string} pointer
 */
function fieldOf(form, pointer) {
  const fields = [...form.querySelectorAll("[data-pointer]")].filter((field) => !field.closest("[hidden]"));
  for (let part = pointer; part; part = part.slice(0, part.lastIndexOf("/"))) {
    const found = fields.find((field) => /** @type {HTMLElement} */ (field).dataset.pointer?.split(" ").includes(part));
    if (found) return found;
  }
  return undefined;
}
