// The timers that are due next: the first page of them, kept up to date by events. How many more there are does not matter.

import { get } from "../node/api.js";
import { live, onEvents } from "../node/live.js";
import { complain } from "../page/toast.js";
import { callAt, isOpen } from "../timer/timers.js";

/** @typedef {import("../timer/timers.js").Timer} Timer */

const PAGE = 200;
/** Fewer than this, and the next ones are read; more than that, and the last ones are let go. */
const [FEW, MANY] = [80, 400];
/** How often the page is read at most, in ms. */
const PAUSE = 1500;

/**
 * Keeps them until the signal, and tells whenever they are others.
 * @param {(timers: Timer[], edge: number) => void} show with the instant up to which they are all, in ms
 * @param {AbortSignal} signal
 */
export function dueNext(show, signal) {
  /** @type {Map<string, Timer>} */
  const timers = new Map();
  /** What is due later than this is not kept. */
  let edge = -Infinity;
  let [readAt, waiting, reading] = [0, 0, false];
  signal.addEventListener("abort", () => clearTimeout(waiting));

  const sorted = () => [...timers.values()].sort((a, b) => callAt(a) - callAt(b));
  const read = async () => {
    if (reading || waiting) return;
    const pause = readAt + PAUSE - Date.now();
    if (pause > 0) {
      waiting = setTimeout(() => { waiting = 0; void read(); }, pause);
      return;
    }
    reading = true;
    try {
      const page = await get(`/timers?state=firing&state=scheduled&sort=due&limit=${PAGE}`, signal);
      timers.clear();
      for (const timer of page.timers) timers.set(timer.id, timer);
      // By when they are due, which for one that is tried again is not when it is called.
      edge = page.next ? Math.max(0, ...page.timers.map((/** @type {Timer} */ timer) => Date.parse(timer.due_at))) : Infinity;
      show(sorted(), edge);
    } catch (error) {
      if (!signal.aborted) complain(error);
    } finally {
      readAt = Date.now();
      reading = false;
    }
  };
  onEvents((events) => {
    for (const { timer } of events) {
      const kept = isOpen(timer) && (callAt(timer) <= edge || timers.has(timer.id));
      if (kept) timers.set(timer.id, timer);
      else timers.delete(timer.id);
    }
    if (timers.size > MANY) {
      const all = sorted();
      for (const timer of all.splice(PAGE)) timers.delete(timer.id);
      edge = callAt(all[all.length - 1]);
    }
    show(sorted(), edge);
    if (timers.size < FEW && edge !== Infinity) void read();
  }, signal);
  live.addEventListener("anew", () => void read(), { signal });
  void read();
}
