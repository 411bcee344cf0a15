// Putting a text on the clipboard, also where the page came over plain HTTP and the browser's own way is closed.

import { el } from "../base/dom.js";
import { icon } from "../base/icons.js";
import { toast } from "./toast.js";

/** @param {string} text */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = el("textarea", { class: "heard", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/**
 * A button that copies.
 * @param {string} what for those who hear it
 * @param {() => string} text
 */
export function copyButton(what, text) {
  const click = () => copy(text()).then(() => toast("Copied."), () => toast("The browser does not allow this page to copy."));
  return el("button", { type: "button", class: "quiet-button", "aria-label": `Copy ${what}`, title: "Copy", onclick: click }, icon("copy"));
}
