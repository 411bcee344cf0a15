// One timer: what it is, its life so far, and what can be done with it.

import { ask, Problem } from "../node/api.js";
import { cancel, fire, replay } from "./actions.js";
import { change } from "../form/change.js";
import { now } from "../node/clock.js";
import { copyButton } from "../page/copy.js";
import { el, say } from "../base/dom.js";
import { facts } from "./facts.js";
import { countdown, moment, span, urlParts } from "../base/format.js";
import { icon } from "../base/icons.js";
import { life } from "./life.js";
import { live, onEvents } from "../node/live.js";
import { everyTick } from "../base/ticker.js";
import { callAt, isOpen, overAt, REPLAYABLE } from "./timers.js";

/** @type {import("../page/router.js").View} */
export function timerView(main, route, signal) {
  const id = route.rest;
  const body = el("div", { class: "timer" }, el("p", { class: "empty", role: "status" }, "Reading…"));
  main.append(el("a", { class: "up", href: "#/timers" }, icon("back"), "All timers"), body);
  /** @type {any} */
  let timer;
  let [reading, again] = [false, false];
  let tick = () => {};

  const read = async () => {
    if (reading) { again = true; return; }
    reading = true;
    do {
      again = false;
      try {
        const { json, etag } = await ask("GET", `/timer/${encodeURIComponent(id)}`, { signal });
        timer = json;
        const opened = new Set([...body.querySelectorAll("details[open]")].map((fold) => fold.dataset.fold));
        const head = heading(timer, etag ?? "");
        tick = head.tick;
        body.replaceChildren(head.node, el("div", { class: "timer-parts" }, life(timer), facts(timer)));
        // What somebody has opened stays open.
        for (const fold of body.querySelectorAll("details")) if (opened.has(fold.dataset.fold)) fold.open = true;
      } catch (error) {
        if (!signal.aborted) body.replaceChildren(missing(error, id));
      }
    } while (again && !signal.aborted);
    reading = false;
  };
  onEvents((events) => { if (events.some((event) => event.timer.id === id)) void read(); }, signal);
  live.addEventListener("anew", () => void read(), { signal });
  everyTick(() => tick(), signal);
  void read();
  return "Timer";
}

/**
 * @param {any} timer
 * @param {string} etag
 */
function heading(timer, etag) {
  const figure = el("p", { class: "timer-figure" });
  const below = el("p", { class: "timer-when" });
  const tick = () => {
    const left = callAt(timer) - now();
    if (timer.state === "scheduled") {
      say(figure, left > 0 ? countdown(left) : `${span(-left)} late`);
      say(below, timer.next_attempt_at ? `until attempt ${timer.attempts + 1}, ${moment(timer.next_attempt_at, now())}` : `until ${moment(timer.due_at, now())}`);
    } else if (timer.state === "firing") {
      say(figure, "calling");
      say(below, `attempt ${timer.attempts}, by ${timer.claimed_by}`);
    } else {
      const attempt = timer.last_attempt;
      say(figure, attempt && timer.state !== "cancelled" ? `+${span(attempt.lateness_ms)}` : timer.state);
      say(below, `${timer.state} ${moment(overAt(timer), now())}${attempt && timer.state !== "cancelled" ? ", late by this much" : ""}`);
    }
  };
  tick();
  const [host, path] = urlParts(timer.url);
  const button = (/** @type {Parameters<typeof icon>[0]} */ picture, /** @type {string} */ words, /** @type {() => void} */ act, kind = "") =>
    el("button", { type: "button", class: `button ${kind}`, onclick: act }, icon(picture), words);
  const buttons = [
    timer.state === "scheduled" && button("fire", "Fire now", () => fire(timer, etag)),
    timer.state === "scheduled" && button("change", "Change", () => change(timer, etag)),
    timer.state === "scheduled" && button("cancel", "Cancel", () => cancel(timer, etag), "danger"),
    REPLAYABLE.includes(timer.state) && button("replay", "Replay", () => replay(timer, etag), "primary"),
  ];
  const node = el("header", { class: "timer-head", "data-state": timer.state },
    el("div", { class: "timer-title" },
      el("p", {}, el("span", { class: "state", "data-state": timer.state }, timer.state)),
      el("h1", {}, el("span", { class: "method" }, timer.method), " ", el("span", { class: "timer-host" }, host), el("span", { class: "timer-path" }, path)),
      el("p", { class: "timer-id" }, el("code", {}, timer.id), copyButton("the timer's id", () => timer.id)),
      timer.reason && el("p", { class: "timer-reason" }, timer.reason)),
    el("div", { class: "timer-time" }, figure, below),
    el("div", { class: "buttons" }, buttons));
  return { node, tick: isOpen(timer) ? tick : () => {} };
}

/**
 * @param {unknown} error
 * @param {string} id
 */
function missing(error, id) {
  const gone = error instanceof Problem && error.status === 404;
  return el("div", { class: "nothing-here" },
    el("h1", {}, gone ? "There is no such timer" : "It cannot be shown"),
    el("p", {}, gone ? "It was never set, or it was over so long ago that its record has left." : /** @type {Error} */ (error).message),
    el("p", {}, el("code", {}, id)));
}
