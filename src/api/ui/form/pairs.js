// Rows of a name and a value, such as headers and labels, with an empty one at the end.

import { el } from "../base/dom.js";
import { clear, field, input } from "./field.js";
import { icon } from "../base/icons.js";

/**
 * @param {string} what one of them is, such as "header"
 * @param {string} key of the draft
 * @param {Record<string, string>} given
 * @param {{ name: string, value: string }} examples
 */
export function pairs(what, key, given, examples) {
  const rows = el("div", { class: "pairs" });
  const error = el("p", { class: "field-error", hidden: true });

  /** @param {string} name @param {string} value */
  const add = (name, value) => {
    const nameInput = input(`${key}-name`, { value: name, placeholder: examples.name });
    const valueInput = input(`${key}-value`, { value, placeholder: examples.value });
    const drop = el("button", { type: "button", class: "quiet-button", "aria-label": `Remove this ${what}` }, icon("cancel"));
    const row = el("div", { class: "pair" },
      field(`Name of a ${what}`, nameInput, { hidden: true }), field(`Value of a ${what}`, valueInput, { hidden: true }), drop);
    const named = () => { row.dataset.pointer = `/${key}/${nameInput.value.trim().replaceAll("~", "~0").replaceAll("/", "~1")}`; };
    nameInput.addEventListener("input", named);
    row.addEventListener("input", () => clear(row));
    named();
    drop.addEventListener("click", () => {
      row.remove();
      grow();
      rows.dispatchEvent(new Event("input", { bubbles: true }));
    });
    rows.append(row);
  };
  const filled = () => [...rows.children].map((row) => {
    const [name, value] = row.querySelectorAll("input");
    return { row, name: name.value.trim(), value: value.value };
  });
  const grow = () => { if (filled().every(({ name, value }) => name || value)) add("", ""); };

  for (const [name, value] of Object.entries(given)) add(name, value);
  grow();
  rows.addEventListener("input", grow);
  return {
    node: el("div", { class: "field", "data-pointer": `/${key}` }, rows, error),
    /** @param {import("./draft.js").Draft} draft @returns {{ pointer: string, detail: string }[]} */
    read(draft) {
      /** @type {{ pointer: string, detail: string }[]} */
      const wrong = [];
      /** @type {Record<string, string>} */
      const taken = Object.create(null);
      for (const { row, name, value } of filled()) {
        if (!name && !value) continue;
        // JSON would keep only the last of them.
        if (name in taken) wrong.push({ pointer: /** @type {HTMLElement} */ (row).dataset.pointer ?? "", detail: "is given twice" });
        taken[name] = value;
      }
      if (Object.keys(taken).length) draft[key] = { ...taken };
      return wrong;
    },
  };
}
