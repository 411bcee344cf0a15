// Changing a timer: the form with what it is now, which sends what is other, and only if nobody else has changed it.

import { ask, Problem } from "../node/api.js";
import { dialog } from "../page/dialog.js";
import { el } from "../base/dom.js";
import { timerForm } from "./form.js";
import { tell } from "../node/live.js";
import { toast } from "../page/toast.js";

/**
 * @param {any} timer
 * @param {string} etag
 */
export function change(timer, etag) {
  const path = `/timer/${timer.id}`;
  const form = timerForm({ timer, method: "PATCH", path, submit: "Save the change", send: async (body) => {
    if (body === "{}") return void opened.close();
    try {
      const { json } = await ask("PATCH", path, { body, headers: { "if-match": etag } });
      tell("changed", json);
      opened.close();
      toast("Changed.");
    } catch (error) {
      if (!(error instanceof Problem) || !error.timer) throw error;
      tell("changed", error.timer);
      const text = `${error.message} Close this, check the timer as it is now, and change it again.`;
      throw new Problem(error.status, { title: error.title, detail: text });
    }
  } });
  const close = el("button", { type: "button", class: "button", onclick: () => opened.close() }, "Leave it as it is");
  const opened = dialog("Change this timer", [form.node, close], "sheet");
}
