// What is done to a timer: cancelled, fired now, replayed. What cannot be taken back asks first.

import { ask, Problem } from "../node/api.js";
import { confirm } from "../page/dialog.js";
import { el } from "../base/dom.js";
import { urlParts } from "../base/format.js";
import { icon } from "../base/icons.js";
import { tell } from "../node/live.js";
import { complain, toast } from "../page/toast.js";
import { linkTo, REPLAYABLE } from "./timers.js";

/** @typedef {import("./timers.js").Timer} Timer */

/**
 * @param {Timer} timer
 * @param {string} [etag] of what the reader has seen
 */
export async function cancel(timer, etag) {
  const text = ["The call to ", whom(timer), " will not be made. A cancelled timer cannot be brought back."];
  if (await confirm({ title: "Cancel this timer?", text, yes: "Cancel the timer", no: "Keep it" })) {
    await act("DELETE", `/timer/${timer.id}`, etag, "Cancelled. It will not fire.");
  }
}

/**
 * @param {Timer} timer
 * @param {string} [etag]
 */
export async function fire(timer, etag) {
  const text = ["This calls ", whom(timer), " now instead of at its due time."];
  if (await confirm({ title: "Fire it now?", text, yes: "Fire now", no: "Wait", danger: false })) {
    await act("POST", `/timer/${timer.id}/fire`, etag, "It fires now.");
  }
}

/**
 * @param {Timer} timer
 * @param {string} [etag]
 */
export async function replay(timer, etag) {
  const known = timer.state === "unknown"
    ? " It is not known whether its last call reached the receiver, so the receiver may get a second one."
    : "";
  const text = ["This calls ", whom(timer), ` again. The timer has all its attempts again.${known}`];
  if (await confirm({ title: "Replay this timer?", text, yes: "Replay", no: "Leave it", danger: false })) {
    await act("POST", `/timer/${timer.id}/replay`, etag, "It is tried again.");
  }
}

/** @param {Timer} timer */
function whom(timer) {
  return el("strong", {}, urlParts(timer.url).join(""));
}

/**
 * @param {string} method
 * @param {string} path
 * @param {string | undefined} etag
 * @param {string} done
 */
async function act(method, path, etag, done) {
  try {
    const { json } = await ask(method, path, { headers: etag ? { "if-match": etag } : undefined });
    tell("changed", json);
    toast(el("span", {}, done, " ", el("a", { href: linkTo(json.id) }, "Show it")));
  } catch (error) {
    // What it has become meanwhile is shown in its place.
    if (error instanceof Problem && error.timer) tell("changed", error.timer);
    complain(error);
  }
}

/**
 * The button of a row that can be tried again.
 * @param {Timer} timer
 */
export function replayButton(timer) {
  if (!REPLAYABLE.includes(timer.state)) return undefined;
  const [host] = urlParts(timer.url);
  return el("button", { type: "button", class: "button small", "aria-label": `Replay the timer for ${host}`, onclick: () => replay(timer) },
    icon("replay"), el("span", { class: "words" }, "Replay"));
}
