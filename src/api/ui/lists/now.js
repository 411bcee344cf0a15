// The first view: set a timer, see what is next and what was, and what needs somebody.

import { replayButton } from "../timer/actions.js";
import { replayAll } from "./bulk.js";
import { countsStrip } from "./counts.js";
import { el } from "../base/dom.js";
import { dueNext } from "./due.js";
import { icon } from "../base/icons.js";
import { keyed } from "../base/keyed.js";
import { nextCall } from "./next.js";
import { overLately } from "./over.js";
import { row } from "./row.js";
import { setCard } from "../form/set.js";
import { everyTick } from "../base/ticker.js";
import { REPLAYABLE } from "../timer/timers.js";

/** How many rows each list shows. */
const ROWS = 8;
/** What has gone wrong is a few lines, and a way to all of it. */
const TROUBLES = 3;

/** @typedef {import("../timer/timers.js").Timer} Timer */

/** @type {import("../page/router.js").View} */
export function nowView(main, _route, signal) {
  const set = setCard();
  const next = nextCall();
  const due = panel("Due next", "#/timers?state=scheduled&sort=due", "Timers that you set appear here until they are called.");
  const fired = panel("Just fired", "#/timers?state=delivered&state=failed&state=unknown&sort=-due", "Calls appear here when they have been made, with how late they were.");
  const trouble = panel("Needs attention", "#/timers?state=failed&state=unknown&sort=-due", "", replayButton, TROUBLES);
  trouble.head.append(el("button", { type: "button", class: "button small", onclick: () => replayAll(new URLSearchParams(REPLAYABLE.map((state) => ["state", state]))) },
    icon("replay"), "Replay all"));
  trouble.node.hidden = true;

  /** @type {Timer[]} */
  let ahead = [];
  /** @type {Timer[]} */
  let behind = [];
  let edge = Infinity;
  dueNext((timers, until) => { ahead = timers; edge = until; due.show(timers); next.put(ahead, behind, edge); }, signal);
  overLately(["delivered", "failed", "unknown"], (timers) => { behind = timers; fired.show(timers); next.put(ahead, behind, edge); }, signal);
  overLately(REPLAYABLE, (timers) => { trouble.node.hidden = timers.length === 0; trouble.show(timers); }, signal);
  everyTick(() => { next.tick(); due.tick(); }, signal);

  main.append(el("div", { class: "now" },
    el("div", { class: "now-head" }, next.node, countsStrip(signal)),
    el("div", { class: "now-side" }, set.node),
    el("div", { class: "now-lists" }, trouble.node, el("div", { class: "two-lists" }, due.node, fired.node))));
  addEventListener("jettimer:new", () => { set.first.focus(); set.first.scrollIntoView({ block: "center" }); }, { signal });
  return "Timers";
}

/**
 * A list with a title, a way to the rest of it, and what it says while it is empty.
 * @param {string} title
 * @param {string} href
 * @param {string} nothing
 * @param {(timer: Timer) => Node | undefined} [action]
 * @param {number} [most]
 */
function panel(title, href, nothing, action, most = ROWS) {
  const id = title.toLowerCase().replaceAll(" ", "-");
  const list = el("ol", { class: "rows", "aria-labelledby": id });
  const empty = el("p", { class: "empty" }, nothing);
  const all = el("a", { class: "all-of", href, "aria-label": `All: ${title}` }, "All");
  const head = el("header", { class: "panel-head" }, el("h2", { id }, title), all);
  /** @type {Map<string, () => void>} */
  let ticks = new Map();
  const rows = keyed(list, (/** @type {Timer} */ timer) => {
    const made = row(timer, action);
    ticks.set(timer.id, made.tick);
    return made;
  });
  return {
    node: el("section", { class: "panel", "aria-labelledby": id }, head, list, empty),
    head,
    /** @param {Timer[]} timers */
    show(timers) {
      const shown = timers.slice(0, most);
      rows(shown);
      ticks = new Map(shown.flatMap(({ id }) => { const tick = ticks.get(id); return tick ? [[id, tick]] : []; }));
      empty.hidden = shown.length > 0;
      list.hidden = shown.length === 0;
    },
    tick() {
      for (const tick of ticks.values()) tick();
    },
  };
}
