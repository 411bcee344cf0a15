// The form of a timer: to set one, or to change one. It sends what is written as it is written, and shows what the API says
// is wrong at the fields; the same request as a line for a shell stands below.

import { Problem } from "../node/api.js";
import { copyButton } from "../page/copy.js";
import { curl } from "./curl.js";
import { el, say } from "../base/dom.js";
import { difference, write } from "./draft.js";
import { clearErrors, showErrors } from "./errors.js";
import { policySection } from "./policy.js";
import { targetSection } from "./target.js";
import { whenSection } from "./when.js";

/**
 * @param {object} form
 * @param {any} [form.timer] one that is changed
 * @param {string} form.method
 * @param {string} form.path
 * @param {string} form.submit what its button says
 * @param {(body: string) => Promise<void>} form.send
 */
export function timerForm({ timer, method, path, submit, send }) {
  const [when, target, policy] = [whenSection(timer), targetSection(timer), policySection(timer)];
  const summary = el("p", { class: "form-error", role: "alert", tabindex: "-1", hidden: true });
  const button = el("button", { class: "button primary wide", "aria-keyshortcuts": "Control+Enter" }, submit);
  const line = el("pre", { tabindex: "0", "aria-label": "The same with curl" });
  // Where there is room beside the lists, it is open.
  const roomy = !timer && matchMedia("(min-width: 60rem)").matches;
  const shell = el("details", { class: "fold curl", open: roomy },
    el("summary", {}, el("span", {}, "The same with curl")),
    el("div", { class: "curl-line" }, line, copyButton("the curl command", () => line.textContent)));
  const node = el("form", { class: "timer-form", novalidate: true, autocomplete: "off" },
    when.node, target.node, policy.nodes, summary, button, shell);

  const read = () => {
    /** @type {import("./draft.js").Draft} */
    const draft = {};
    when.read(draft);
    const wrong = [...target.read(draft), ...policy.read(draft)];
    return { draft, wrong };
  };
  const before = read().draft;
  const wanted = () => {
    const { draft, wrong } = read();
    return { draft: timer ? difference(before, draft) : draft, wrong };
  };
  const show = () => {
    const { draft } = wanted();
    say(line, curl(method, path, write(draft)));
    // What is folded away and not as usual is said on the fold.
    for (const fold of node.querySelectorAll("details[data-keys]")) {
      const set = fold.dataset.keys.split(" ").filter((/** @type {string} */ key) => key in draft);
      say(fold.querySelector(".fold-note"), set.length ? set.map((/** @type {string} */ key) => key.replaceAll("_", " ")).join(", ") : "");
    }
  };
  for (const name of ["input", "change", "click"]) node.addEventListener(name, show);
  show();

  const errors = (/** @type {import("../node/api.js").FieldError[]} */ list) => showErrors(node, summary, list);
  node.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    // Sent already: a second press makes no second timer.
    if (button.getAttribute("aria-disabled")) return;
    clearErrors(node, summary);
    const { draft, wrong } = wanted();
    if (wrong.length) return errors(wrong);
    button.setAttribute("aria-disabled", "true");
    try {
      await send(write(draft));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      errors(error.errors.length ? error.errors : [{ pointer: "", detail: error.message }]);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
  node.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) node.requestSubmit();
  });
  return { node, first: target.url };
}
