// The life of a timer as a line in time: set, tried, tried again, over. Each attempt with its parts and what was answered.

import { el } from "../base/dom.js";
import { exactly, size, span } from "../base/format.js";
import { phases } from "./phases.js";
import { isOpen, outcome } from "./timers.js";

/** @typedef {import("./timers.js").Attempt} Attempt */

/** @param {any} timer */
export function life(timer) {
  /** @type {Attempt[]} */
  const attempts = timer.attempt_log;
  const events = [station("created", "Set", timer.created_at, timer.created_by ? `by the token ${timer.created_by}` : "")];
  const untold = attempts.length ? attempts[0].number - 1 : timer.attempts - (timer.state === "firing" ? 1 : 0);
  if (untold > 0) events.push(station("quiet", untold === 1 ? "1 attempt whose outcome is not kept" : `${untold} attempts that are no longer kept`));
  attempts.forEach((attempt, n) => {
    // Its place is before the attempts that it has led to.
    if (timer.replayed_at && falls(timer.replayed_at, attempts[n - 1]?.finished_at, attempt.claimed_at)) events.push(station("created", "Replayed", timer.replayed_at));
    events.push(attemptStation(attempt));
  });
  if (timer.replayed_at && (!attempts.length || attempts[attempts.length - 1].finished_at < timer.replayed_at)) events.push(station("created", "Replayed", timer.replayed_at));
  if (timer.state === "scheduled") {
    events.push(timer.next_attempt_at
      ? station("ahead", `Attempt ${timer.attempts + 1}`, timer.next_attempt_at)
      : station("ahead", "Due", timer.due_at));
  } else if (timer.state === "firing") events.push(station("firing", `Attempt ${timer.attempts} is being made`, undefined, `by ${timer.claimed_by}`));
  if (!isOpen(timer)) events.push(station(timer.state, { delivered: "Delivered", failed: "Failed", unknown: "Unknown", cancelled: "Cancelled" }[/** @type {string} */ (timer.state)] ?? timer.state, timer.finished_at, timer.reason));
  return el("section", { class: "card life", "aria-labelledby": "life-title" }, el("h2", { id: "life-title" }, "History"), el("ol", { class: "line" }, events));
}

/**
 * @param {string} at
 * @param {string | undefined} after
 * @param {string} before
 */
function falls(at, after, before) {
  return at <= before && (after === undefined || after <= at);
}

/**
 * @param {string} kind
 * @param {string} title
 * @param {string} [at]
 * @param {string} [words]
 * @param {import("../base/dom.js").Child[]} [more]
 */
function station(kind, title, at, words, more = []) {
  return el("li", { class: "station", "data-kind": kind },
    el("p", { class: "station-title" }, el("strong", {}, title), at && el("time", { datetime: at }, exactly(at))),
    words && el("p", { class: "station-words" }, words), more);
}

/** @param {Attempt} attempt */
function attemptStation(attempt) {
  const good = attempt.result === "answered" && Math.floor((attempt.status ?? 0) / 100) === 2;
  const words = [outcome(attempt), `${span(attempt.lateness_ms)} late`, `by ${attempt.node}`];
  if (attempt.retry_after_ms !== undefined) words.push(`asked not to be called for ${span(attempt.retry_after_ms)}`);
  return station(good ? "delivered" : "failed", `Attempt ${attempt.number}`, attempt.claimed_at, words.join(" · "), [
    attempt.reason && el("p", { class: "station-reason" }, attempt.reason),
    attempt.phases_ms && phases(attempt.phases_ms),
    attempt.answer && answer(attempt),
  ]);
}

/** @param {Attempt} attempt */
function answer({ number, answer }) {
  const text = answer.text ?? answer.base64;
  const what = answer.bytes === 0 ? "An empty answer" : `Answer, ${size(answer.bytes)}${answer.truncated ? " of it kept" : ""}${answer.base64 ? ", in Base64" : ""}`;
  if (answer.bytes === 0) return el("p", { class: "station-words" }, what);
  if (text === undefined) return el("p", { class: "station-words" }, `${what}; your token does not show it. SHA-256 `, el("code", {}, answer.sha256));
  return el("details", { "data-fold": `answer-${number}` }, el("summary", {}, what), el("pre", { tabindex: "0", "aria-label": "The answer" }, text));
}
