// What is called: method and URL; folded, the headers and the body.

import { el } from "../base/dom.js";
import { take } from "./draft.js";
import { field, fold, input, select } from "./field.js";
import { builtInInbox } from "../page/inbox.js";
import { indented, Raw } from "../base/json.js";
import { pairs } from "./pairs.js";

const METHODS = ["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD"];
/** @type {[string, string][]} */
const BODIES = [["none", "The timer's id, as JSON"], ["body", "JSON"], ["body_text", "Text"], ["body_base64", "Bytes, in Base64"]];

/** @param {any} timer one that is changed */
export function targetSection(timer) {
  const url = input("url", { type: "text", inputmode: "url", placeholder: "https://example.com/hook", value: timer?.url ?? builtInInbox() ?? "", required: true, "aria-keyshortcuts": timer ? undefined : "n" });
  const method = select("method", METHODS.map((name) => [name, name]));
  if (timer) method.value = timer.method;
  // The node says so; a value that looks like a digest may be the header's own.
  const digests = Boolean(timer?.redacted);
  const headers = pairs("header", "headers", digests ? {} : timer?.headers ?? {}, { name: "Authorization", value: "Bearer …" });

  const given = timer && BODIES.map(([kind]) => kind).find((kind) => kind in timer);
  // What this token may not see, or what cannot be taken away, stays.
  const kinds = timer ? [...(given ? [] : [/** @type {[string, string]} */ (["none", "Unchanged"])]), ...BODIES.slice(1)] : BODIES;
  const kind = select("body-kind", kinds);
  const text = el("textarea", { name: "body", rows: 5, spellcheck: "false", placeholder: '{"order": 4711}' });
  if (given) {
    kind.value = given;
    text.value = given === "body" ? indented(timer.body.text) : timer[given];
  }
  const textField = field("Body", text, { pointer: "/body /body_text /body_base64", hidden: true });
  const show = () => { textField.hidden = kind.value === "none"; };
  kind.addEventListener("change", show);
  show();

  const node = el("div", { class: "target" },
    el("div", { class: "call" }, field("Method", method, { pointer: "/method", hidden: true }), field("URL", url, { pointer: "/url", kind: "wide" })),
    fold("Headers and body", [
      el("h3", {}, "Headers"),
      digests ? el("p", { class: "field-hint" }, "Your token does not show headers. Leave these empty to keep the headers as they are.") : null,
      headers.node,
      el("h3", {}, "Body"),
      field("Kind of body", kind), textField,
    ], ["headers", "body", "body_text", "body_base64"]));
  return {
    node,
    url,
    /** @param {import("./draft.js").Draft} draft */
    read(draft) {
      draft.url = url.value.trim();
      if (timer || method.value !== "POST") draft.method = method.value;
      const wrong = headers.read(draft);
      if (kind.value === "body") wrong.push(...readJson(draft, text.value));
      else if (kind.value !== "none") take(draft, kind.value, text.value, (value) => value);
      return wrong;
    },
  };
}

/**
 * The body goes out byte for byte as it is written; what is no JSON cannot be put into JSON, so that is said here.
 * @param {import("./draft.js").Draft} draft
 * @param {string} text
 */
function readJson(draft, text) {
  try {
    JSON.parse(text);
    draft.body = new Raw(text.trim());
    return [];
  } catch (error) {
    return [{ pointer: "/body", detail: `is not JSON: ${/** @type {Error} */ (error).message}` }];
  }
}
