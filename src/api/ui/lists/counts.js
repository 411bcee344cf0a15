// How many timers there are in each state: asked for soon after something has happened, and now and then.

import { get } from "../node/api.js";
import { el, say } from "../base/dom.js";
import { count } from "../base/format.js";
import { live, onEvents } from "../node/live.js";

/** How often it is asked for, in ms: at most, and at least (what is overdue grows without an event). */
const [SOON, NOW_AND_THEN] = [1000, 10_000];

const SHOWN = [
  ["scheduled", "waiting", "#/timers?state=scheduled&sort=due"],
  ["overdue", "overdue", "#/timers?state=scheduled&sort=due"],
  ["delivered", "delivered", "#/timers?state=delivered&sort=-due"],
  ["failed", "failed", "#/timers?state=failed&sort=-due"],
  ["unknown", "unknown", "#/timers?state=unknown&sort=-due"],
];

/** @param {AbortSignal} signal */
export function countsStrip(signal) {
  const figures = SHOWN.map(([key, words, href]) => {
    const figure = el("span", { class: "figure" }, "–");
    const node = el("a", { class: "count", href, "data-kind": key }, figure, el("span", { class: "count-name" }, words));
    return { key, figure, node };
  });
  let [timer, askedAt] = [0, 0];
  const read = async () => {
    clearTimeout(timer);
    timer = setTimeout(read, NOW_AND_THEN);
    askedAt = Date.now();
    const counts = await get("/timers/counts", signal).catch(() => null);
    if (!counts) return;
    for (const { key, figure, node } of figures) {
      say(figure, count(counts[key]));
      node.classList.toggle("some", counts[key] > 0);
    }
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(read, Math.max(0, askedAt + SOON - Date.now()));
  };
  onEvents(soon, signal);
  live.addEventListener("anew", soon, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  void read();
  return el("nav", { class: "counts", "aria-label": "Timers by state" }, figures.map(({ node }) => node));
}
