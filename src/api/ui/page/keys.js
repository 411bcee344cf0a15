// Shortcuts for those who use the keyboard, which can be turned off: a single key may be something else to who speaks to the machine.

import { dialog } from "./dialog.js";
import { el } from "../base/dom.js";

const KEY = "jettimer.keys";

/** @type {[string, string, () => void][]} */
const SHORTCUTS = [
  ["n", "Set a timer", () => go("#/", "jettimer:new")],
  ["/", "Search", () => go("#/timers", "jettimer:find")],
  ["t", "Timers", () => go("#/")],
  ["a", "All timers", () => go("#/timers")],
  ["s", "Service", () => go("#/service")],
  ["j", "Next timer in a list", () => step(1)],
  ["k", "Previous timer in a list", () => step(-1)],
  ["?", "These shortcuts", () => help()],
];

/**
 * @param {string} hash
 * @param {string} [event]
 */
function go(hash, event) {
  const there = location.hash.split("?")[0] || "#/";
  const tell = () => { if (event) dispatchEvent(new Event(event)); };
  if (there === hash) return tell();
  // After the view is there.
  addEventListener("hashchange", () => setTimeout(tell), { once: true });
  location.hash = hash;
  return undefined;
}

/** @param {number} by */
function step(by) {
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".row-link")]);
  const at = links.findIndex((link) => link === document.activeElement);
  links[Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
}

export function help() {
  const on = el("input", { type: "checkbox", checked: localStorage.getItem(KEY) !== "off" });
  on.addEventListener("change", () => localStorage.setItem(KEY, on.checked ? "on" : "off"));
  const list = el("dl", { class: "keys" }, SHORTCUTS.map(([key, words]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, words))),
    el("div", {}, el("dt", {}, el("kbd", {}, "Ctrl"), " ", el("kbd", {}, "Enter")), el("dd", {}, "Send the form")));
  const close = el("button", { type: "button", class: "button", autofocus: true, onclick: () => opened.close() }, "Close");
  const opened = dialog("Keyboard", [list, el("label", { class: "check" }, on, " Single-key shortcuts"), el("div", { class: "buttons" }, close)], "question");
}

export function listenToKeys() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem(KEY) === "off") return;
    if (document.querySelector("dialog[open]")) return;
    if (/** @type {Element} */ (event.target).closest("input, textarea, select, [contenteditable]")) return;
    const found = SHORTCUTS.find(([key]) => key === event.key);
    if (!found) return;
    event.preventDefault();
    found[2]();
  });
}
