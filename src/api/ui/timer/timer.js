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
import { callAt, isOpen, outcome, overAt, REPLAYABLE, waits } from "./timers.js";

/** @type {import("../page/router.js").View} */
export function timerView(main, route, signal) {
  const id = route.rest;
  const body = el("div", { class: "timer" }, el("p", { class: "empty", role: "status" }, "Reading…"));
  main.append(el("a", { class: "up", href: "#/timers" }, icon("back"), "All timers"), body);
  /** The version that is shown. @type {string | null | undefined} */
  let shown;
  let [reading, again] = [false, false];
  let tick = () => {};

  const read = async () => {
    if (reading) { again = true; return; }
    reading = true;
    do {
      again = false;
      try {
        const { json, etag } = await ask("GET", `/timer/${encodeURIComponent(id)}`, { signal });
        // It is as it was: nothing is made anew under anybody's hand.
        if (etag === shown) continue;
        shown = etag;
        const opened = new Set([...body.querySelectorAll("details[open]")].map((fold) => fold.dataset.fold));
        const head = heading(json, etag ?? "");
        tick = head.tick;
        const focused = body.contains(document.activeElement) ? document.activeElement : null;
        body.replaceChildren(head.node, el("div", { class: "timer-parts" }, life(json), facts(json)));
        if (focused) focusAgain(body, focused, head.title);
        // What somebody has opened stays open.
        for (const fold of body.querySelectorAll("details")) if (opened.has(fold.dataset.fold)) fold.open = true;
      } catch (error) {
        shown = undefined;
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
 * Gives the focus to what has taken the place of what had it, or else to the title: a button that was pressed may be gone.
 * @param {HTMLElement} body
 * @param {Element} before
 * @param {HTMLElement} title
 */
function focusAgain(body, before, title) {
  const alike = [...body.querySelectorAll(before.localName)].find((element) => element.textContent === before.textContent);
  /** @type {HTMLElement} */ (alike ?? title).focus({ preventScroll: true });
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
      // Of one that went well, how late it was is what there is to know; of the others, what came of them.
      const attempt = timer.last_attempt;
      const well = attempt && timer.state === "delivered";
      say(figure, well ? `+${span(attempt.lateness_ms)}` : attempt && timer.state === "failed" ? outcome(attempt) : timer.state);
      say(below, `${well ? "late, " : ""}${timer.state} ${moment(overAt(timer), now())}`);
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
  const title = el("h1", { tabindex: "-1" }, el("span", { class: "method" }, timer.method), " ", el("span", { class: "timer-host" }, host), el("span", { class: "timer-path" }, path));
  const node = el("header", { class: "timer-head", "data-state": timer.state },
    el("div", { class: "timer-title" },
      el("p", {}, el("span", { class: "state", "data-state": timer.state }, timer.state)),
      title,
      el("p", { class: "timer-id" }, el("code", {}, timer.id), copyButton("the timer's id", () => timer.id)),
      waits(timer) && el("p", { class: "timer-reason" }, waits(timer)),
      timer.reason && el("p", { class: "timer-reason" }, timer.reason)),
    el("div", { class: "timer-time" }, figure, below),
    el("div", { class: "buttons" }, buttons));
  return { node, title, tick: isOpen(timer) ? tick : () => {} };
}

/**
 * @param {unknown} error
 * @param {string} id
 */
function missing(error, id) {
  const gone = error instanceof Problem && error.status === 404;
  return el("div", { class: "nothing-here" },
    el("h1", {}, gone ? "There is no such timer" : "The timer cannot be shown"),
    el("p", {}, gone ? "It was never set, or it finished so long ago that its record is no longer kept." : /** @type {Error} */ (error).message),
    el("p", {}, el("code", {}, id)));
}
