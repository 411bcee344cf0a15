// Tables of the service: receivers, nodes, streams. Numbers are to the right, and what is wrong stands out.

import { el } from "../base/dom.js";

/** @typedef {{ words: string, numbers?: boolean }} Column */

/**
 * A table under a title, with what it says while it is empty.
 * @param {string} title
 * @param {Column[]} columns
 * @param {string} nothing
 */
export function table(title, columns, nothing) {
  const id = `table-${title.toLowerCase().replaceAll(" ", "-")}`;
  const body = el("tbody", {});
  const node = el("table", { "aria-labelledby": id },
    el("thead", {}, el("tr", {}, columns.map(({ words, numbers }) => el("th", { scope: "col", class: numbers ? "number" : undefined }, words)))), body);
  const empty = el("p", { class: "empty" }, nothing);
  // It may be wider than a phone.
  const scroll = el("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-labelledby": id }, node);
  const note = el("span", { class: "panel-note" });
  return {
    node: el("section", { class: "panel" }, el("header", { class: "panel-head" }, el("h2", { id }, title), note), scroll, empty),
    /**
     * @param {import("../base/dom.js").Child[][]} rows
     * @param {string} [why] there are none
     */
    show(rows, why) {
      body.replaceChildren(...rows.map((cells) => el("tr", {}, cells.map((cell, n) =>
        (n === 0 ? el("th", { scope: "row" }, cell) : el("td", { class: columns[n].numbers ? "number" : undefined }, cell))))));
      scroll.hidden = rows.length === 0;
      empty.hidden = rows.length > 0;
      empty.textContent = why ?? nothing;
    },
    /** @param {string} words */
    note(words) {
      note.textContent = words;
    },
  };
}

/**
 * A word that stands for how something is.
 * @param {string} words
 * @param {"good" | "bad" | "middling"} how
 */
export function badge(words, how) {
  return el("span", { class: "badge", "data-how": how }, words);
}
