// What the page knows of the feed, for whoever shows something: batches of events, and how the connection is.
//
// Events are handed on a few times a second, however many there are, so what is drawn depends on what is seen of it and
// not on how much happens.

import { follow } from "./feed.js";

/** How often something is drawn at most, in ms. */
const PACE = 250;

/**
 * @typedef {{ name: string, timer: any }} Happening
 * @typedef {{ standing: import("./feed.js").Standing, why: string, retryAt: number }} Connection
 */

/** Tells of `events` (with a list of Happenings), `connection`, and `anew`: what is shown has to be read again. */
export const live = new EventTarget();

/** @type {Connection} */
export const connection = { standing: "connecting", why: "", retryAt: 0 };

/** @type {Happening[]} */
let batch = [];
let pending = false;
/** @type {AbortController | undefined} */
let running;

/** Begins to follow, instead of what was followed before. */
export function start() {
  stop();
  running = new AbortController();
  void follow({ event, standing, anew }, running.signal);
}

/** Lets go of the stream. */
export function stop() {
  running?.abort();
  running = undefined;
}

/**
 * @param {string} name
 * @param {any} timer
 */
function event(name, timer) {
  batch.push({ name, timer });
  if (pending) return;
  pending = true;
  setTimeout(flush, PACE);
}

function flush() {
  pending = false;
  const events = batch;
  batch = [];
  live.dispatchEvent(new CustomEvent("events", { detail: events }));
}

/**
 * @param {import("./feed.js").Standing} is
 * @param {string} why
 * @param {number} retryAt
 */
function standing(is, why, retryAt) {
  // A page that tries again says so by the words of why it must.
  Object.assign(connection, { standing: is, why: why || (is === "connecting" ? connection.why : ""), retryAt });
  live.dispatchEvent(new Event("connection"));
}

function anew() {
  live.dispatchEvent(new Event("anew"));
}

/**
 * Calls with each batch, until the signal.
 * @param {(events: Happening[]) => void} take
 * @param {AbortSignal} signal
 */
export function onEvents(take, signal) {
  live.addEventListener("events", (event) => take(/** @type {CustomEvent} */ (event).detail), { signal });
}

/**
 * What this page has done itself, so that it shows though there is no feed. One that is there tells of it too, and in order:
 * an answer may come later than what has happened to its timer since.
 * @param {string} name
 * @param {any} timer
 */
export function tell(name, timer) {
  if (connection.standing !== "live") event(name, timer);
}
