// The filter of the list: states, and one box for an id, a host or a label. It is in the address, so that it can be sent.
// What the page shows of a timer can be pasted into the box and finds it.

import { el } from "../base/dom.js";
import { authorityOf, calls } from "../base/host.js";
import { input, select } from "../form/field.js";
import { icon } from "../base/icons.js";
import { STATES } from "../timer/timers.js";

/** @type {[string, string][]} */
const SORTS = [["-created", "Newest"], ["created", "Oldest"], ["due", "Due first"], ["-due", "Due last"]];
/** The order unless another is asked for: what somebody has just set is on top. */
export const FIRST_SORT = "-created";
const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
/** Words stand between blanks; one that has blanks in it, as a label may, is in double quotes. */
const WORD = /(?:"(?:[^"\\]|\\.)*"|\S)+/g;

/**
 * What the box means: `id`, or parameters of the query.
 * @param {string} text
 * @returns {{ id?: string, pairs: [string, string][] }}
 */
export function meaning(text) {
  const words = text.match(WORD)?.map(unquoted) ?? [];
  if (words.length === 1 && UUID.test(words[0])) return { id: words[0].toLowerCase(), pairs: [] };
  return { pairs: words.map((word) => {
    const at = word.indexOf("=");
    // A `=` in the query of a URL is none of a label.
    const isLabel = at > 0 && !/^https?:\/\//i.test(word) && !word.slice(0, at).includes("?");
    return isLabel ? [`metadata.${word.slice(0, at)}`, word.slice(at + 1)] : ["host", authorityOf(word)];
  }) };
}

/** @param {string} word */
function unquoted(word) {
  return word.replace(/"((?:[^"\\]|\\.)*)"/g, (_, inside) => inside.replace(/\\(.)/g, "$1"));
}

/** @param {string} word */
function quoted(word) {
  return /[\s"]/.test(word) ? `"${word.replace(/["\\]/g, "\\$&")}"` : word;
}

/**
 * The box's text of a query.
 * @param {URLSearchParams} query
 */
function written(query) {
  return [...query].flatMap(([key, value]) => (key === "host" ? quoted(value) : key.startsWith("metadata.") ? quoted(`${key.slice(9)}=${value}`) : [])).join(" ");
}

/**
 * Whether a timer is one of those that a query means, as far as it can be seen here: windows of time are left to the API.
 * @param {URLSearchParams} query
 * @param {import("../timer/timers.js").Timer} timer
 */
export function isMeant(query, timer) {
  const states = query.getAll("state");
  if (states.length && !states.includes(timer.state)) return false;
  return [...query].every(([key, value]) => {
    if (key === "host") return calls(timer.url, value);
    return !key.startsWith("metadata.") || timer.metadata?.[key.slice(9)] === value;
  });
}

/**
 * The bar over the list.
 * @param {URLSearchParams} query
 * @param {(query: URLSearchParams) => void} changed
 */
export function filterBar(query, changed) {
  const box = input("search", { type: "search", value: written(query), placeholder: "Id, host or label=value", "aria-label": "Search by id, host or label", "aria-keyshortcuts": "/" });
  const sort = select("sort", SORTS);
  sort.setAttribute("aria-label", "Order");
  sort.value = query.get("sort") ?? FIRST_SORT;
  const chips = STATES.map((state) => {
    const chip = el("button", { type: "button", class: "chip state-chip", "data-state": state, "aria-pressed": String(query.getAll("state").includes(state)) }, state);
    chip.addEventListener("click", () => { chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true")); tell(); });
    return chip;
  });
  const now = () => {
    const next = new URLSearchParams();
    for (const chip of chips) if (chip.getAttribute("aria-pressed") === "true") next.append("state", chip.dataset.state);
    for (const [key, value] of meaning(box.value).pairs) next.append(key, value);
    for (const [key, value] of query) if (/^(due|created)_/.test(key)) next.append(key, value);
    if (sort.value !== FIRST_SORT) next.set("sort", sort.value);
    return next;
  };
  const tell = () => changed(now());
  sort.addEventListener("change", tell);
  const form = el("form", { class: "search", role: "search" }, icon("search"), box);
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    const { id } = meaning(box.value);
    if (id) location.hash = `#/timer/${id}`;
    else tell();
  });
  // The cross in the box empties it.
  box.addEventListener("search", () => { if (!box.value) tell(); });
  return { node: el("div", { class: "filter" }, form, el("div", { class: "chips", role: "group", "aria-label": "States" }, chips), sort), box };
}
