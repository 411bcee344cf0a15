// What a timer was set to: what is sent, how it is delivered, and its labels.

import { el } from "../base/dom.js";
import { exactly, size } from "../base/format.js";
import { indented } from "../base/json.js";

/** @param {any} timer */
export function facts(timer) {
  const { retry, flow } = timer;
  return el("section", { class: "card facts", "aria-labelledby": "facts-title" }, el("h2", { id: "facts-title" }, "Settings"),
    list([["Due", exactly(timer.due_at)], ["URL", el("span", { class: "break" }, timer.url)], ["Labels", labels(timer.metadata)]]),
    el("h3", {}, "Request"),
    timer.redacted && timer.headers ? el("p", { class: "field-hint" }, "Your token does not show the values of headers: these are their SHA-256 digests.") : null,
    list([["Method", timer.method], ...Object.entries(timer.headers ?? {}).map(([name, value]) => /** @type {Fact} */ ([name, el("span", { class: "break" }, String(value))]))]),
    body(timer),
    el("h3", {}, "Delivery"),
    list([
      ["Delivery", timer.delivery.replaceAll("_", " ")],
      ["One attempt", `${timer.timeout} at most`],
      ["Attempts", `${retry.max_attempts} at most`],
      ["Waits", `${retry.initial_backoff}, each ${retry.factor} times the one before, ${retry.max_backoff} at most`],
      ["No attempt later than", retry.deadline && `${retry.deadline} after it was due`],
      ["Retried statuses", timer.delivery === "at_least_once" ? retry.statuses.join(", ") : "none, since the receiver may have acted on the call"],
      ["Flow", flow && [flow.key, flow.rate, flow.parallelism && `${flow.parallelism} calls at once`].filter(Boolean).join(" · ")],
      ["Told when delivered", timer.on_delivered && el("span", { class: "break" }, timer.on_delivered)],
      ["Told when failed", timer.on_failed && el("span", { class: "break" }, timer.on_failed)],
    ]));
}

/** @typedef {[string, import("../base/dom.js").Child]} Fact */

/** @param {Fact[]} facts */
function list(facts) {
  const there = facts.filter(([, value]) => value);
  return el("dl", { class: "fact-list" }, there.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/** @param {Record<string, string> | undefined} metadata */
function labels(metadata) {
  const entries = Object.entries(metadata ?? {});
  if (!entries.length) return undefined;
  return el("span", { class: "labels" }, entries.map(([key, value]) =>
    el("a", { class: "label", href: `#/timers?${new URLSearchParams({ [`metadata.${key}`]: value })}` }, `${key}=${value}`)));
}

/** @param {any} timer */
function body(timer) {
  const text = timer.body ? indented(timer.body.text) : timer.body_text ?? timer.body_base64;
  if (text !== undefined) return el("pre", { tabindex: "0", "aria-label": "The body" }, text);
  if (timer.body_sha256) return el("p", { class: "field-hint" }, `A body of ${size(timer.body_bytes)}, which your token does not show. SHA-256 `, el("code", { class: "break" }, timer.body_sha256));
  const nothing = ["GET", "HEAD", "DELETE"].includes(timer.method);
  return nothing ? el("p", { class: "field-hint" }, "No body.") : el("pre", { tabindex: "0", "aria-label": "The body" }, JSON.stringify({ id: timer.id }));
}
