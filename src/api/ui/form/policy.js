// How a timer is delivered: folded away, since each field has a default that is good for most.

import { el } from "../base/dom.js";
import { number, take } from "./draft.js";
import { field, fold, input, select } from "./field.js";
import { pairs } from "./pairs.js";

const RETRY = [
  ["max_attempts", "Attempts in total", "10", number],
  ["initial_backoff", "First wait", "1s", undefined],
  ["max_backoff", "Longest wait", "5m", undefined],
  ["factor", "Wait grows by factor", "2", number],
  ["deadline", "No attempt later than", "1h after it was due", undefined],
  ["statuses", "Statuses to retry", "408, 429, 5xx", statuses],
];

/** @param {any} timer one that is changed */
export function policySection(timer) {
  const delivery = select("delivery", [["", "At most once"], ["at_least_once", "At least once"]]);
  if (timer?.delivery === "at_least_once") delivery.value = "at_least_once";
  const timeout = input("timeout", { placeholder: "30s", value: timer?.timeout ?? "" });
  const retry = /** @type {[string, string, string, any][]} */ (RETRY).map(([key, label, placeholder, read]) => {
    const given = timer?.retry?.[key];
    const control = input(`retry-${key}`, { placeholder, value: Array.isArray(given) ? given.join(", ") : given ?? "" });
    return { key, read, control, node: field(label, control, { pointer: `/retry/${key}` }) };
  });
  const key = input("flow-key", { placeholder: "customer-17", value: timer?.flow?.key ?? "" });
  const rate = input("flow-rate", { placeholder: "100/s", value: timer?.flow?.rate ?? "" });
  const parallelism = input("flow-parallelism", { inputmode: "numeric", placeholder: "10", value: timer?.flow?.parallelism ?? "" });
  const delivered = input("on_delivered", { inputmode: "url", placeholder: "https://…", value: timer?.on_delivered ?? "" });
  const failed = input("on_failed", { inputmode: "url", placeholder: "https://…", value: timer?.on_failed ?? "" });
  const metadata = pairs("label", "metadata", timer?.metadata ?? {}, { name: "order", value: "4711" });

  const nodes = [
    fold("Delivery and retries", [
      field("Delivery", delivery, { pointer: "/delivery", hint: "At most once: never called twice, whatever fails. At least once: tried until it is delivered." }),
      field("Time for one attempt", timeout, { pointer: "/timeout" }),
      el("div", { class: "two", "data-pointer": "/retry" }, retry.map(({ node }) => node), el("p", { class: "field-error", hidden: true })),
    ], ["delivery", "timeout", "retry"]),
    fold("Flow", [
      el("p", { class: "field-hint" }, "Limits that all timers of the same key share, over all nodes."),
      el("div", { "data-pointer": "/flow" }, field("Key", key, { pointer: "/flow/key" }),
        el("div", { class: "two" }, field("Rate", rate, { pointer: "/flow/rate" }), field("Calls at once", parallelism, { pointer: "/flow/parallelism" })),
        el("p", { class: "field-error", hidden: true })),
    ], ["flow"]),
    fold("Callbacks", [
      el("p", { class: "field-hint" }, "URLs that are told how the timer ended."),
      field("Once it is delivered", delivered, { pointer: "/on_delivered" }),
      field("Once it is failed or unknown", failed, { pointer: "/on_failed" }),
    ], ["on_delivered", "on_failed"]),
    fold("Labels", [el("p", { class: "field-hint" }, "Kept with the timer to search by, never sent."), metadata.node], ["metadata"]),
  ];
  return {
    nodes,
    /** @param {import("./draft.js").Draft} draft */
    read(draft) {
      if (delivery.value || timer) draft.delivery = delivery.value || "at_most_once";
      take(draft, "timeout", timeout.value);
      /** @type {import("./draft.js").Draft} */
      const policy = {};
      /** @type {import("./draft.js").Draft} */
      const flow = {};
      for (const { key, read, control } of retry) take(policy, key, control.value, read);
      if (Object.keys(policy).length) draft.retry = policy;
      take(flow, "key", key.value);
      take(flow, "rate", rate.value);
      take(flow, "parallelism", parallelism.value, number);
      if (Object.keys(flow).length) draft.flow = flow;
      take(draft, "on_delivered", delivered.value);
      take(draft, "on_failed", failed.value);
      return metadata.read(draft);
    },
  };
}

/** @param {string} text */
function statuses(text) {
  return text.split(/[\s,]+/).filter(Boolean).map((status) => (/^[1-9]\d\d$/.test(status) ? number(status) : status));
}
