// The head of the first view: the call that is next, as large as it is important, over the runway.

import { now } from "../node/clock.js";
import { el, say } from "../base/dom.js";
import { countdown, moment, span, urlParts } from "../base/format.js";
import { runway } from "./runway.js";
import { callAt, linkTo } from "../timer/timers.js";

/** The head, with what it is given and what moves it. */
export function nextCall() {
  const figure = el("span", { class: "next-figure" }, "–");
  const whom = el("a", { class: "next-whom" });
  const when = el("span", { class: "next-when" });
  const empty = el("p", { class: "next-empty" }, "No timer is waiting. A timer that you set appears here and counts down.");
  const strip = runway();
  const about = el("div", { class: "next-about" }, whom, when);
  const node = el("section", { class: "next", "aria-labelledby": "next-title" },
    el("h1", { class: "next-title", id: "next-title" }, "Next call"),
    el("div", { class: "next-line" }, figure, about, empty),
    strip.node, el("div", { class: "runway-scale", "aria-hidden": "true" }, el("span", {}, "30 s ago"), el("span", {}, "now"), el("span", {}, "in 2 min")));
  /** @type {import("../timer/timers.js").Timer | undefined} */
  let timer;
  const tick = () => {
    strip.tick();
    if (!timer) return;
    const left = callAt(timer) - now();
    const late = left < -1000;
    say(figure, timer.state === "firing" ? "calling" : late ? `${span(-left)} late` : countdown(left));
    figure.classList.toggle("late", late);
  };
  return {
    node,
    tick,
    /** @param {import("../timer/timers.js").Timer[]} due @param {import("../timer/timers.js").Timer[]} over @param {number} edge */
    put(due, over, edge) {
      strip.put(due, over, edge);
      timer = due.find((one) => one.state === "scheduled") ?? due[0];
      node.classList.toggle("nothing", !timer);
      empty.hidden = Boolean(timer);
      figure.hidden = about.hidden = !timer;
      if (timer) {
        say(whom, urlParts(timer.url).join(""));
        whom.href = linkTo(timer.id);
        say(when, `${timer.method} at ${moment(callAt(timer), now())}`);
      }
      tick();
    },
  };
}
