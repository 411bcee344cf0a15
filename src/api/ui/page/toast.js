// Short words at the edge of the page: what was done, or why not. They are said aloud too.

import { Problem } from "../node/api.js";
import { el } from "../base/dom.js";
import { icon } from "../base/icons.js";

/** How long they stay, in ms; what went wrong stays until it is put away. */
const STAY = 6000;
const MOST = 4;

/** @type {HTMLElement} */
let calmly;
/** @type {HTMLElement} */
let loudly;

/** Makes the places where they appear: a screen reader knows them before they say something. */
export function places() {
  calmly = el("div", { class: "toasts-part", role: "status" });
  loudly = el("div", { class: "toasts-part", role: "alert" });
  return el("div", { class: "toasts" }, loudly, calmly);
}

/** @param {...import("../base/dom.js").Child} words */
export function toast(...words) {
  const node = show(calmly, "toast", words);
  setTimeout(() => node.remove(), STAY);
}

/** @param {unknown} error */
export function complain(error) {
  // Who is not signed in is asked to.
  if (error instanceof Problem && error.status === 401) return;
  if (error instanceof DOMException && error.name === "AbortError") return;
  const text = error instanceof Error ? error.message : String(error);
  // Said once, however often it happens.
  if ([...loudly.children].some((child) => child.firstChild?.textContent === text)) return;
  show(loudly, "toast bad", [el("span", {}, text)]);
}

/**
 * @param {HTMLElement} place
 * @param {string} kind
 * @param {import("../base/dom.js").Child[]} words
 */
function show(place, kind, words) {
  const close = el("button", { type: "button", class: "quiet-button", "aria-label": "Dismiss", onclick: () => node.remove() }, icon("cancel"));
  const node = el("div", { class: kind }, words, close);
  while (place.childElementCount >= MOST) place.firstElementChild?.remove();
  place.append(node);
  return node;
}
