// Light or dark: as the system is, or as somebody wants it on this machine.

import { el } from "../base/dom.js";
import { icon } from "../base/icons.js";

const KEY = "jettimer.theme";
const CHOICES = /** @type {const} */ ([["", "half", "as the system"], ["light", "sun", "light"], ["dark", "moon", "dark"]]);

/** The button that goes from one to the next. */
export function themeButton() {
  let at = Math.max(0, CHOICES.findIndex(([value]) => value === (localStorage.getItem(KEY) ?? "")));
  const button = el("button", { type: "button", class: "quiet-button" });
  const show = () => {
    const [value, picture, words] = CHOICES[at];
    document.documentElement.dataset.theme = value;
    button.replaceChildren(icon(picture));
    button.setAttribute("aria-label", `Colours: ${words}`);
    button.title = `Colours: ${words}`;
  };
  button.addEventListener("click", () => {
    at = (at + 1) % CHOICES.length;
    localStorage.setItem(KEY, CHOICES[at][0]);
    show();
  });
  show();
  return button;
}
