// What every view knows of a timer.

import { exactly } from "../base/format.js";

/**
 * A timer as lists and events have it; the API's document has each field.
 * @typedef {object} Timer
 * @property {string} id
 * @property {State} state
 * @property {string} due_at
 * @property {string} created_at
 * @property {string} url
 * @property {string} method
 * @property {number} attempts
 * @property {string} [next_attempt_at]
 * @property {{ reason: string, receiver?: string, flow?: string, until?: string }} [waiting_for]
 * @property {string} [finished_at]
 * @property {string} [reason]
 * @property {string} [claimed_by]
 * @property {Attempt} [last_attempt]
 * @property {Record<string, string>} [metadata]
 */

/**
 * @typedef {"scheduled" | "firing" | "delivered" | "failed" | "unknown" | "cancelled"} State
 * @typedef {{ number: number, node: string, lateness_ms: number, result: string, status?: number, reason?: string,
 *   claimed_at: string, finished_at: string, due_at: string, phases_ms?: Record<string, number>, answer?: any,
 *   retry_after_ms?: number }} Attempt
 */

/** All states, in the order of a timer's life. @type {State[]} */
export const STATES = ["scheduled", "firing", "delivered", "failed", "unknown", "cancelled"];

/** Those that can be tried again. @type {State[]} */
export const REPLAYABLE = ["failed", "unknown"];

/** @param {Timer} timer */
export function isOpen(timer) {
  return timer.state === "scheduled" || timer.state === "firing";
}

/**
 * When it is called next, in ms.
 * @param {Timer} timer
 */
export function callAt(timer) {
  return Date.parse(timer.next_attempt_at ?? timer.due_at);
}

/** @type {Record<string, string>} */
const WAITS = {
  breaker: "keeps failing and is not called for now", retry_after: "asked not to be called for now", recovery: "is called again, a few timers at first",
  rate: "is called as often as allowed", concurrency: "has as many calls in progress as allowed",
};

/**
 * What it waits for that is due, in a few words.
 * @param {Timer} timer
 */
export function waits({ waiting_for: waiting }) {
  if (!waiting) return "";
  if (waiting.reason === "no_worker") return "No node calls receivers.";
  const whose = waiting.flow === undefined ? waiting.receiver : `the flow ${waiting.flow}`;
  return `Waiting: ${whose} ${WAITS[waiting.reason] ?? waiting.reason}${waiting.until ? `, until ${exactly(waiting.until)}` : ""}.`;
}

/**
 * When it was over, in ms.
 * @param {Timer} timer
 */
export function overAt(timer) {
  return Date.parse(timer.finished_at ?? timer.due_at);
}

/**
 * What came of an attempt, in a few words.
 * @param {Attempt} attempt
 */
export function outcome(attempt) {
  if (attempt.result === "answered") return `answered ${attempt.status}`;
  return attempt.result.replaceAll("_", " ");
}

/** @param {string} id */
export function linkTo(id) {
  return `#/timer/${id}`;
}
