// All timers, a page at a time. What is on the page is kept up to date; what would come onto it is only said, so that nothing
// moves under the hand of whoever reads.

import { get, Problem } from "../node/api.js";
import { replayButton } from "../timer/actions.js";
import { cancelAll, replayAll } from "./bulk.js";
import { el, say } from "../base/dom.js";
import { filterBar, FIRST_SORT, isMeant } from "./filter.js";
import { count } from "../base/format.js";
import { icon } from "../base/icons.js";
import { keyed } from "../base/keyed.js";
import { live, onEvents } from "../node/live.js";
import { note } from "../page/router.js";
import { row } from "./row.js";
import { everyTick } from "../base/ticker.js";

const PAGE = 50;

/** @typedef {import("../timer/timers.js").Timer} Timer */

/** @type {import("../page/router.js").View} */
export function allView(main, route, signal) {
  let query = route.query;
  /** Where each page up to this one begins. @type {string[]} */
  let cursors = [""];
  /** @type {string | null} */
  let after = null;
  /** @type {Map<string, Timer>} */
  let timers = new Map();
  let [news, asked] = [0, 0];
  /** What is to be said beside the list. */
  let said = "";

  const list = el("ol", { class: "rows wide", "aria-label": "Timers" });
  const status = el("p", { class: "empty", role: "status" }, "Reading…");
  /** @type {Map<string, () => void>} */
  const ticks = new Map();
  const rows = keyed(list, (/** @type {Timer} */ timer) => {
    const made = row(timer, replayButton);
    ticks.set(timer.id, made.tick);
    return made;
  });
  const fresh = el("button", { type: "button", class: "button small", hidden: true, onclick: () => begin() });
  const back = el("button", { type: "button", class: "button small", disabled: true, onclick: () => { cursors.pop(); void read(); } }, icon("back"), "Back");
  const next = el("button", { type: "button", class: "button small", disabled: true, onclick: () => { if (after) { cursors.push(after); void read(); } } }, "Next", icon("next"));
  const where = el("span", { class: "where" });
  const bar = filterBar(query, (changed) => { query = changed; note("timers", query); begin(); });
  // Not before it is known what they would be done to.
  const bulk = el("div", { class: "bulk", hidden: true },
    el("button", { type: "button", class: "button small", onclick: () => replayAll(filter()) }, icon("replay"), "Replay all of these"),
    el("button", { type: "button", class: "button small", onclick: () => cancelAll(filter()) }, icon("cancel"), "Cancel all of these"));

  const filter = () => { const only = new URLSearchParams(query); only.delete("sort"); return only; };
  const begin = () => { cursors = [""]; void read(); };
  const read = async () => {
    const mine = ++asked;
    const full = new URLSearchParams(query);
    if (!full.has("sort")) full.set("sort", FIRST_SORT);
    full.set("limit", String(PAGE));
    const cursor = cursors[cursors.length - 1];
    if (cursor) full.set("cursor", cursor);
    try {
      const page = await get(`/timers?${full}`, signal);
      // Somebody has gone on to another page meanwhile.
      if (mine !== asked) return;
      after = page.next;
      timers = new Map(page.timers.map((/** @type {Timer} */ timer) => [timer.id, timer]));
      news = 0;
      said = page.complete ? "" : "This node's index does not have all timers, so some are missing.";
      show();
    } catch (error) {
      if (signal.aborted || mine !== asked) return;
      timers = new Map();
      const details = error instanceof Problem ? error.errors.map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}`) : [];
      said = details.join("; ") || /** @type {Error} */ (error).message;
      show();
    }
  };
  const show = () => {
    rows([...timers.values()]);
    for (const id of ticks.keys()) if (!timers.has(id)) ticks.delete(id);
    const none = query.size ? "No timer matches. Remove something from the filter." : "There are no timers yet. Timers that you set appear here.";
    say(status, said || (timers.size ? "" : none));
    status.hidden = !status.textContent;
    back.disabled = cursors.length === 1;
    next.disabled = !after;
    say(where, timers.size ? `Page ${count(cursors.length)}` : "");
    bulk.hidden = !timers.size || ![...filter()].length;
    fresh.hidden = news === 0;
    say(fresh, news === 1 ? "1 timer is new or changed. Show" : `${count(news)} timers are new or changed. Show`);
  };
  onEvents((events) => {
    const others = new Set();
    for (const { name, timer } of events) {
      if (timers.has(timer.id)) timers.set(timer.id, timer);
      else if (name !== "firing" && isMeant(query, timer)) others.add(timer.id);
    }
    news += others.size;
    show();
  }, signal);
  live.addEventListener("anew", () => void read(), { signal });
  everyTick(() => { for (const tick of ticks.values()) tick(); }, signal);

  main.append(el("div", { class: "all" },
    el("header", { class: "view-head" }, el("h1", {}, "All timers"), fresh),
    bar.node, el("section", { class: "panel", "aria-label": "Timers" }, list, status),
    el("footer", { class: "pages" }, el("div", { class: "bulk-place" }, bulk), where, back, next)));
  addEventListener("jettimer:find", () => bar.box.focus(), { signal });
  void read();
  return "All timers";
}
