// The feed of events: one stream for the whole page, which comes back by itself and says how it is.
//
// After a short break it goes on where it was; after a long one it begins anew, and whoever shows a list reads it again. A
// tab that nobody looks at lets go of its stream, since a node has a place for 256 readers.

import { Problem, open } from "./api.js";
import { Events } from "./sse.js";

/** @typedef {"connecting" | "live" | "waiting" | "off"} Standing */

/** The shortest and the longest wait before it is tried again, in ms. */
const [FIRST_WAIT, LONGEST_WAIT] = [500, 10_000];
/** A node says every 15 s that it is there (`--event-heartbeat` may say otherwise); three times that is silence. */
const SILENCE = 45_000;
/** How long a break may be, in ms, to be caught up with: at 1,000 timers a second that is 30,000 events. */
const SHORT_BREAK = 10_000;
/** How long a tab may be hidden and keep its stream. */
const HIDDEN = 30_000;

/**
 * Follows the feed until the signal.
 * @param {object} told
 * @param {(name: string, data: any) => void} told.event
 * @param {(standing: Standing, why: string, retryAt: number) => void} told.standing
 * @param {() => void} told.anew what is shown has to be read again
 * @param {AbortSignal} signal
 */
export async function follow(told, signal) {
  let [wait, last, ended] = [FIRST_WAIT, "", 0];
  for (let first = true; !signal.aborted; first = false) {
    if (document.hidden) await visible(signal);
    if (!first) told.standing("connecting", "", 0);
    const goesOn = last !== "" && Date.now() - ended < SHORT_BREAK;
    const stream = { last: goesOn ? last : "", why: "", off: false, came: false };
    await once(told, stream, signal, goesOn);
    if (signal.aborted) return;
    [last, ended] = [stream.last, stream.came ? Date.now() : ended];
    if (stream.came) wait = FIRST_WAIT;
    if (stream.off) return told.standing("off", stream.why, 0);
    if (!document.hidden) {
      const pause = wait * (0.75 + Math.random() / 2);
      told.standing("waiting", stream.why, Date.now() + pause);
      await sleep(pause, signal);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }
}

/**
 * One connection, to its end.
 * @param {Parameters<typeof follow>[0]} told
 * @param {{ last: string, why: string, off: boolean, came: boolean }} stream
 * @param {AbortSignal} signal
 * @param {boolean} goesOn
 */
async function once(told, stream, signal, goesOn) {
  const connection = new AbortController();
  const end = () => connection.abort();
  signal.addEventListener("abort", end);
  let alarm = setTimeout(end, SILENCE);
  const hiding = whenHiddenFor(HIDDEN, end);
  try {
    const headers = goesOn ? { "last-event-id": stream.last } : undefined;
    const response = await open("GET", "/timers/events", { headers, signal: connection.signal });
    stream.came = true;
    told.standing("live", "", 0);
    // What is in no event that is read: lists may have changed while there was no stream.
    told.anew();
    const events = new Events();
    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    const decoder = new TextDecoder();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(alarm);
      alarm = setTimeout(end, SILENCE);
      for (const message of events.push(decoder.decode(part.value, { stream: true }))) {
        const data = JSON.parse(message.data);
        if (message.name === "gap") told.anew();
        else if (message.name === "dropped") stream.why = data.reason;
        else if (message.name !== "open") told.event(message.name, data);
      }
      if (events.last) stream.last = events.last;
    }
  } catch (error) {
    stream.why = error instanceof Problem ? error.message : "The stream of events ended early.";
    // Waiting does not help: the node does not let this token in.
    stream.off = error instanceof Problem && (error.status === 401 || error.status === 403);
    if (error instanceof Problem && error.status === 400) stream.last = "";
  } finally {
    clearTimeout(alarm);
    hiding();
    signal.removeEventListener("abort", end);
    connection.abort();
  }
}

/**
 * Does it once the tab was hidden for so long. Gives what takes that back.
 * @param {number} ms
 * @param {() => void} then
 */
function whenHiddenFor(ms, then) {
  let timer = 0;
  const look = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(then, ms);
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => { clearTimeout(timer); document.removeEventListener("visibilitychange", look); };
}

/** @param {AbortSignal} signal */
function visible(signal) {
  return new Promise((done) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      done(undefined);
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look);
  });
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 */
function sleep(ms, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); done(undefined); });
  });
}
