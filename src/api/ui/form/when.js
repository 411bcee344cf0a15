// When a timer is due: after a while, at an instant in some zone, or in hours, minutes and seconds.

import { el, freshId, say } from "../base/dom.js";
import { number, take } from "./draft.js";
import { clear, field, input, select } from "./field.js";
import { moment } from "../base/format.js";
import { instantIn, localTime, zones } from "./zone.js";

const PRESETS = [["10s", "10 s"], ["1m", "1 min"], ["5m", "5 min"], ["1h", "1 h"], ["1d", "1 day"]];
const PARTS = ["hours", "minutes", "seconds"];

/**
 * @param {{ due_at: string } | undefined} timer one that is changed, which may stay when it is
 */
export function whenSection(timer) {
  const delay = input("delay", { value: timer ? "" : "30s", placeholder: "1h 30m" });
  const presets = PRESETS.map(([value, words]) => el("button", { type: "button", class: "chip", onclick: () => {
    delay.value = value;
    delay.dispatchEvent(new Event("input", { bubbles: true }));
  } }, words));
  const zone = select("zone", zones());
  const at = input("at", { type: "datetime-local", step: "1", value: timer ? localTime(timer.due_at, zone.value) : "" });
  const meaning = el("p", { class: "field-hint", role: "status" });
  const exact = el("div", { class: "field", "data-pointer": "/at" },
    el("div", { class: "two" }, field("Date and time", at), field("Time zone", zone)), meaning, el("p", { class: "field-error", hidden: true }));
  exact.addEventListener("input", () => clear(exact));
  const parts = PARTS.map((name) => input(name, { inputmode: "numeric", placeholder: "0" }));

  const ways = [
    ...(timer ? [{ value: "keep", words: "Unchanged", node: el("p", { class: "field-hint" }, `Due at ${moment(timer.due_at, Date.now())}.`) }] : []),
    { value: "delay", words: "After", node: el("div", {},
      field("How long from now", delay, { pointer: "/delay", hint: "Such as 90s, 1h 30m, 2 days or PT90M." }), el("div", { class: "chips" }, presets)) },
    { value: "at", words: "At", node: exact },
    { value: "parts", words: "h : m : s", node: el("div", { class: "three" },
      PARTS.map((name, n) => field(name[0].toUpperCase() + name.slice(1), parts[n], { pointer: `/${name}` }))) },
  ];
  const group = freshId();
  const radios = ways.map(({ value, words }, n) => {
    const radio = el("input", { type: "radio", name: `when-${group}`, value, checked: n === 0 });
    return el("label", { class: "segment" }, radio, el("span", {}, words));
  });
  const node = el("fieldset", { class: "when" }, el("legend", {}, "When"), el("div", { class: "segments" }, radios), ways.map((way) => way.node));
  const way = () => /** @type {HTMLInputElement} */ (node.querySelector("input[type=radio]:checked")).value;
  const instant = () => (at.value ? instantIn(at.value, zone.value) : "");
  const show = () => {
    for (const { value, node } of ways) node.hidden = value !== way();
    const text = instant();
    // What is no time is left to the API, which says why.
    const isTime = !Number.isNaN(Date.parse(text));
    say(meaning, isTime ? `${text} — here that is ${moment(text, Date.now())}.` : "All time zones that your browser knows, with daylight saving time.");
  };
  node.addEventListener("input", show);
  node.addEventListener("change", show);
  show();
  return {
    node,
    /** @param {import("./draft.js").Draft} draft */
    read(draft) {
      if (way() === "delay") draft.delay = delay.value.trim();
      if (way() === "at") draft.at = instant();
      if (way() === "parts") PARTS.forEach((name, n) => take(draft, name, parts[n].value, number));
    },
  };
}
