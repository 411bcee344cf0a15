// A timer as one line of a list: when, whom, what about it, and its state. The line is a link to all of it.

import { now } from "../node/clock.js";
import { el, say } from "../base/dom.js";
import { countdown, moment, span, urlParts } from "../base/format.js";
import { callAt, isOpen, linkTo, outcome, overAt } from "../timer/timers.js";

/** The most labels that a line shows. */
const LABELS = 3;
/** From so much on, in ms, lateness stands out: a healthy node has a hundredth of it. */
const MUCH = 1000;

/**
 * A row for `keyed`, whose `tick` brings its countdown up to date.
 * @param {import("../timer/timers.js").Timer} timer
 * @param {(timer: import("../timer/timers.js").Timer) => Node | undefined} [action] a button of it
 */
export function row(timer, action) {
  const when = el("span", { class: "row-when" });
  const host = el("span", { class: "row-host" });
  const path = el("span", { class: "row-path" });
  const more = el("span", { class: "row-more" });
  const late = el("span", { class: "row-late" });
  const state = el("span", { class: "state" });
  const link = el("a", { class: "row-link", href: linkTo(timer.id) },
    when, el("span", { class: "row-what" }, el("span", { class: "row-url" }, host, path), more), late, state);
  const side = el("span", { class: "row-side" });
  const node = el("li", { class: "row" }, link, side);
  let shown = timer;
  const tick = () => {
    const left = callAt(shown) - now();
    if (shown.state === "scheduled") {
      say(when, left > 0 ? countdown(left) : `${span(-left)} late`);
      when.classList.toggle("soon", left > 0 && left < 10_000);
      when.classList.toggle("late", left < -1_000);
    } else if (isOpen(shown)) say(when, "calling");
    else say(when, moment(overAt(shown), now()));
  };
  return {
    node,
    tick,
    /** @param {import("../timer/timers.js").Timer} next */
    update(next) {
      if (next === shown && node.dataset.state) return;
      shown = next;
      node.dataset.state = next.state;
      const [name, rest] = urlParts(next.url);
      say(host, name);
      say(path, rest);
      say(state, next.state);
      state.dataset.state = next.state;
      more.replaceChildren(...details(next));
      sayLateness(late, next);
      when.classList.remove("soon", "late");
      const button = action?.(next);
      if (button) side.replaceChildren(button);
      else side.replaceChildren();
      tick();
    },
  };
}

/**
 * How late its last call was, of one that is over.
 * @param {HTMLElement} place
 * @param {import("../timer/timers.js").Timer} timer
 */
function sayLateness(place, timer) {
  const ms = isOpen(timer) ? undefined : timer.last_attempt?.lateness_ms;
  say(place, ms === undefined ? "" : `+${span(ms)}`);
  place.title = ms === undefined ? "" : "How late it was called";
  place.classList.toggle("much", ms !== undefined && ms >= MUCH);
}

/** @param {import("../timer/timers.js").Timer} timer */
function details(timer) {
  const attempt = timer.last_attempt;
  const parts = [el("span", { class: "method" }, timer.method)];
  if (attempt && !isOpen(timer) && (timer.state !== "delivered" || attempt.status !== 200)) parts.push(el("span", {}, outcome(attempt)));
  if (timer.attempts > 1) parts.push(el("span", {}, `${timer.attempts} attempts`));
  for (const [key, value] of Object.entries(timer.metadata ?? {}).slice(0, LABELS)) {
    parts.push(el("span", { class: "label" }, `${key}=${value}`));
  }
  return parts;
}
