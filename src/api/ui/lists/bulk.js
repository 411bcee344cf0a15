// Cancelling or replaying all that a filter means: counted first, then asked, then done a thousand at a time.

import { ask } from "../node/api.js";
import { confirm } from "../page/dialog.js";
import { count } from "../base/format.js";
import { complain, toast } from "../page/toast.js";
import { live } from "../node/live.js";

/** @typedef {{ method: string, path: string, done: "cancelled" | "replayed", title: string, yes: string, warning: string, danger: boolean }} Wish */

/** @type {Wish} */
const CANCEL = { method: "DELETE", path: "/timers", done: "cancelled", title: "Cancel them all?", yes: "Cancel them", danger: true, warning: "Their calls will not be made, and cancelled timers cannot be brought back." };
/** @type {Wish} */
const REPLAY = { method: "POST", path: "/timers/replay", done: "replayed", title: "Replay them all?", yes: "Replay them", danger: false, warning: "Each is called again, even if its call may have reached the receiver before." };

/** @param {URLSearchParams} filter */
export function cancelAll(filter) {
  return all(CANCEL, filter);
}

/** @param {URLSearchParams} filter */
export function replayAll(filter) {
  return all(REPLAY, filter);
}

/**
 * @param {Wish} wish
 * @param {URLSearchParams} filter
 */
async function all(wish, filter) {
  try {
    const { matched, more } = await once(wish, filter, true);
    if (matched === 0) return toast("No timer would change.");
    const text = `${more ? "More than " : ""}${count(matched)} timer${matched === 1 && !more ? "" : "s"}. ${wish.warning}`;
    if (!(await confirm({ title: wish.title, text: [text], yes: wish.yes, no: "Keep them", danger: wish.danger }))) return undefined;
    let done = 0;
    for (let left = true; left;) {
      const part = await once(wish, filter, false);
      done += part[wish.done];
      // What could not be changed is not asked for again and again.
      left = part.more && part[wish.done] > 0;
    }
    toast(`${count(done)} ${wish.done}.`);
    live.dispatchEvent(new Event("anew"));
  } catch (error) {
    complain(error);
  }
  return undefined;
}

/**
 * @param {Wish} wish
 * @param {URLSearchParams} filter
 * @param {boolean} dry
 */
async function once(wish, filter, dry) {
  const query = new URLSearchParams(filter);
  if (dry) query.set("dry_run", "true");
  return (await ask(wish.method, `${wish.path}?${query}`)).json;
}
