// How the connection is, in the head of the page: live, lost, or coming back.

import { el, say } from "../base/dom.js";
import { connection, live, start } from "../node/live.js";
import { everyTick } from "../base/ticker.js";

const WORDS = { connecting: "Connecting", live: "Live", waiting: "Reconnecting", off: "Not live" };

/** @param {AbortSignal} signal */
export function standing(signal) {
  const words = el("span", { role: "status" }, WORDS.connecting);
  const node = el("div", { class: "standing", "data-standing": "connecting" }, el("span", { class: "pulse", "aria-hidden": "true" }), words);
  const why = el("span", {});
  const left = el("span", { class: "banner-left" });
  const again = el("button", { type: "button", class: "button small", onclick: () => start() }, "Try now");
  const banner = el("div", { class: "banner", hidden: true }, el("span", {}, why, " ", left), again);
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((connection.retryAt - Date.now()) / 1000));
    say(left, connection.standing === "waiting" ? `Trying again in ${seconds} s.` : connection.standing === "connecting" ? "Trying now." : "");
  };
  let lost = false;
  live.addEventListener("connection", () => {
    const is = connection.standing;
    node.dataset.standing = is;
    lost = is === "waiting" || is === "off" || (lost && is === "connecting");
    say(words, lost && is === "connecting" ? WORDS.waiting : WORDS[is]);
    banner.hidden = !lost;
    again.hidden = is === "off";
    say(why, is === "off" ? `This page is not live: ${connection.why}` : `The connection is lost, so this page may be out of date. ${connection.why}`);
    tick();
  }, { signal });
  everyTick(tick, signal);
  return { node, banner };
}
