// Setting a timer: the form, and what it says once the timer is set.

import { ask } from "../node/api.js";
import { el } from "../base/dom.js";
import { timerForm } from "./form.js";
import { moment } from "../base/format.js";
import { now } from "../node/clock.js";
import { tell } from "../node/live.js";
import { linkTo } from "../timer/timers.js";

/** A key that nobody else has. `randomUUID` is there only where the page came over TLS or from this machine. */
function freshKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The card with the form. */
export function setCard() {
  const done = el("div", { class: "done", role: "status" });
  // An answer that was lost leaves the question whether there is a timer; the same key with the same request is the answer.
  let [key, sent] = [freshKey(), ""];
  const form = timerForm({ method: "POST", path: "/timer", submit: "Set timer", send: async (body) => {
    done.replaceChildren();
    if (body !== sent) [key, sent] = [freshKey(), body];
    const { json } = await ask("POST", "/timer", { body, headers: { "idempotency-key": key } });
    sent = "";
    tell("created", json);
    done.append(el("span", {}, "Set for ", el("strong", {}, moment(json.due_at, now())), ". "), el("a", { href: linkTo(json.id) }, "Follow it"));
  } });
  const node = el("section", { class: "card set", "aria-labelledby": "set-title" }, el("h2", { id: "set-title" }, "Set a timer"), form.node, done);
  return { node, first: form.first };
}
