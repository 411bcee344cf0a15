// From what is in a form to the JSON of a request, exactly as it was written: what is wrong with it the API says.

import { Raw } from "../base/json.js";

/** @typedef {Record<string, any>} Draft */

/**
 * A number as it was written; other text stays text, and is refused by the API with its reason.
 * @param {string} text
 */
export function number(text) {
  const trimmed = text.trim();
  return /^-?(0|[1-9]\d*)(\.\d+)?$/.test(trimmed) ? new Raw(trimmed) : trimmed;
}

/**
 * Takes a field over, unless it is empty.
 * @param {Draft} draft
 * @param {string} key
 * @param {string} text
 * @param {(text: string) => any} [read]
 */
export function take(draft, key, text, read = (text) => text.trim()) {
  if (text.trim() !== "") draft[key] = read(text);
}

/**
 * The JSON of a draft.
 * @param {any} value
 * @returns {string}
 */
export function write(value) {
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${write(inner)}`).join(", ")}}`;
}

/**
 * What of a draft is other than it was: the body of a change. What was taken away is null where the API knows that.
 * @param {Draft} before
 * @param {Draft} after
 */
export function difference(before, after) {
  /** @type {Draft} */
  const changed = {};
  for (const [key, value] of Object.entries(after)) if (write(value) !== write(before[key] ?? null)) changed[key] = value;
  for (const key of Object.keys(before)) {
    if (key in after) continue;
    if (["flow", "on_delivered", "on_failed"].includes(key)) changed[key] = null;
    if (["headers", "metadata", "retry"].includes(key)) changed[key] = {};
  }
  return changed;
}
