// Asking before something is done that cannot be taken back, and dialogs at all.

import { el, freshId } from "../base/dom.js";

/**
 * Opens a dialog; it is gone once it is closed.
 * @param {string} title
 * @param {import("../base/dom.js").Child[]} content
 * @param {string} [kind] a class of it
 * @returns {HTMLDialogElement}
 */
export function dialog(title, content, kind = "") {
  const id = freshId();
  const node = el("dialog", { class: `dialog ${kind}`, "aria-labelledby": id }, el("h2", { id }, title), content);
  node.addEventListener("close", () => node.remove());
  // A click beside it is a click on its backdrop.
  node.addEventListener("click", (/** @type {Event} */ event) => { if (event.target === node) node.close(); });
  document.body.append(node);
  node.showModal();
  return node;
}

/**
 * Asks, and says whether it is wanted. What does no harm is chosen first.
 * @param {object} question
 * @param {string} question.title
 * @param {import("../base/dom.js").Child[]} question.text
 * @param {string} question.yes what the button says that does it
 * @param {string} [question.no]
 * @param {boolean} [question.danger]
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, yes, no = "Keep it", danger = true }) {
  return new Promise((answer) => {
    const keep = el("button", { type: "button", class: "button", autofocus: true, onclick: () => asked.close() }, no);
    const go = el("button", { type: "button", class: `button ${danger ? "danger" : "primary"}`, onclick: () => asked.close("yes") }, yes);
    const asked = dialog(title, [el("p", {}, text), el("div", { class: "buttons" }, keep, go)], "question");
    asked.addEventListener("close", () => answer(asked.returnValue === "yes"));
  });
}
