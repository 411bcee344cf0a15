// How long the parts of a call took, as one bar.

import { el, svg } from "../base/dom.js";
import { span } from "../base/format.js";

/** What each part is called, in the order in which they come. */
const PARTS = [
  ["resolve", "name looked up"],
  ["connect", "connected"],
  ["tls", "TLS"],
  ["wait", "waited"],
  ["read", "read"],
];

/** Less than this, in ms, would be shown as nothing. */
const SHOWN = 0.05;

/** @param {Record<string, number>} given in ms, as the API has them */
export function phases(given) {
  const before = (given.resolve ?? 0) + (given.connect ?? 0) + (given.tls ?? 0);
  // The first byte's time contains what came before it.
  const wait = (given.first_byte ?? given.total) - before;
  /** @type {Record<string, number>} */
  const taken = { ...given, wait: Math.max(wait, 0), read: given.first_byte === undefined ? 0 : Math.max(given.total - given.first_byte, 0) };
  const parts = PARTS.filter(([key]) => taken[key] >= SHOWN);
  const whole = parts.reduce((sum, [key]) => sum + taken[key], 0) || 1;
  let x = 0;
  const bars = parts.map(([key]) => {
    const width = (taken[key] / whole) * 100;
    const bar = svg("rect", { x, width, height: 8, "data-part": key });
    x += width;
    return bar;
  });
  return el("div", { class: "phases" },
    svg("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" }, bars),
    el("ul", {}, parts.map(([key, words]) => el("li", { "data-part": key }, `${words} ${span(taken[key])}`)), el("li", { class: "whole" }, `${span(given.total)} in all`)));
}
