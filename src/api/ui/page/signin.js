// Signing in with a token, where the node asks for one.

import { get, Problem } from "../node/api.js";
import { el } from "../base/dom.js";
import { field, input, mark } from "../form/field.js";
import { setToken } from "../node/session.js";

/**
 * @param {HTMLElement} main
 * @param {string} why
 * @param {() => void} done
 */
export function signIn(main, why, done) {
  const token = input("token", { type: "password", autocomplete: "current-password", placeholder: "jt_…" });
  const line = el("div", { class: "field" }, field("Token", token), el("p", { class: "field-error", hidden: true }));
  const button = el("button", { class: "button primary wide" }, "Sign in");
  const form = el("form", { class: "card sign-in", novalidate: true, autocomplete: "off" },
    el("h1", {}, "Sign in"),
    el("p", {}, why || "This node needs a token. It is kept in this tab only, until you close the tab."),
    line, button,
    el("p", { class: "field-hint" }, "The operator of this node makes one with ", el("code", {}, "jettimer token NAME --scopes read,write,read-body"), "."));
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    setToken(token.value.trim() || null);
    try {
      await get("/timers/counts");
      done();
    } catch (error) {
      // A token that may not read, or an index that is not there: it is known, and views say what is missing.
      if (error instanceof Problem && error.status !== 401 && error.status !== 0) return done();
      setToken(null);
      mark(line, error instanceof Problem && error.status === 401 ? "The node does not know this token." : /** @type {Error} */ (error).message);
      token.focus();
    }
  });
  main.replaceChildren(form);
  document.title = "Sign in · jettimer";
  token.focus();
}
