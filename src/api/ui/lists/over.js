// The timers that were over last, the newest first: what has fired, or what has gone wrong.

import { get } from "../node/api.js";
import { live, onEvents } from "../node/live.js";
import { complain } from "../page/toast.js";
import { overAt } from "../timer/timers.js";

/** @typedef {import("../timer/timers.js").Timer} Timer */

/** So many are kept; older ones are in the list of all. */
const KEPT = 50;

/**
 * Keeps those in these states until the signal, and tells whenever they are others.
 * @param {import("../timer/timers.js").State[]} states
 * @param {(timers: Timer[]) => void} show
 * @param {AbortSignal} signal
 */
export function overLately(states, show, signal) {
  /** @type {Map<string, Timer>} */
  const timers = new Map();
  const trim = () => {
    const all = [...timers.values()].sort((a, b) => overAt(b) - overAt(a));
    for (const timer of all.splice(KEPT)) timers.delete(timer.id);
    show(all);
  };
  const read = async () => {
    const query = states.map((state) => `state=${state}`).join("&");
    try {
      const page = await get(`/timers?${query}&sort=-due&limit=${KEPT}`, signal);
      timers.clear();
      for (const timer of page.timers) timers.set(timer.id, timer);
      trim();
    } catch (error) {
      if (!signal.aborted) complain(error);
    }
  };
  onEvents((events) => {
    for (const { timer } of events) {
      if (states.includes(timer.state)) timers.set(timer.id, timer);
      else timers.delete(timer.id);
    }
    trim();
  }, signal);
  live.addEventListener("anew", () => void read(), { signal });
  void read();
}
