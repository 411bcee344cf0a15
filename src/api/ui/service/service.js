// The state of the service: what there is, what happened in the last hour, and whom it needs.

import { get } from "../node/api.js";
import { learn } from "../node/clock.js";
import { el, say } from "../base/dom.js";
import { count, span } from "../base/format.js";
import { plot } from "./plot.js";
import { natsPart, nodesPart, receiversPart } from "./parts.js";

/** How often it is asked for while it is looked at, in ms. */
const EVERY = 5000;

const FIGURES = [["waiting", "Waiting"], ["overdue", "Overdue"], ["backlog", "Due, not taken"], ["fired", "Fired in the hour"], ["p50", "Lateness, p50"], ["p99", "Lateness, p99"]];

/** @type {import("../page/router.js").View} */
export function serviceView(main, _route, signal) {
  const figures = new Map(FIGURES.map(([key, words]) => {
    const value = el("dd", {}, "–");
    return [key, { value, node: el("div", { class: "tile", "data-kind": key }, el("dt", {}, words), value) }];
  }));
  const throughput = plot({ title: "Throughput", kind: "bars", format: count, series: [{ key: "delivered", words: "delivered" }, { key: "failed", words: "failed" }, { key: "unknown", words: "unknown" }] });
  const lateness = plot({ title: "Lateness", kind: "lines", format: spanOrNothing, series: [{ key: "max", words: "max" }, { key: "p99", words: "p99" }, { key: "p50", words: "p50" }] });
  const [receivers, nodes, nats] = [receiversPart(), nodesPart(), natsPart()];
  const missing = el("p", { class: "missing", role: "status", hidden: true });

  const read = async () => {
    const [stats] = await Promise.all([
      get("/stats", signal).catch(failed),
      get("/receivers", signal).then(receivers.show, receivers.fail),
      get("/nodes", signal).then(nodes.show, nodes.fail),
    ]);
    if (signal.aborted) return;
    if (stats.at) learn(stats);
    const words = stats.missing.map((/** @type {{ pointer: string, detail: string }} */ { detail }) => detail).join("; ");
    say(missing, words && `Some data is missing: ${words}.`);
    missing.hidden = !words;
    const { timers, history } = stats;
    show("waiting", timers && count(timers.scheduled));
    show("overdue", timers && count(timers.overdue), timers?.overdue > 0);
    show("backlog", stats.backlog === null ? null : count(stats.backlog), stats.backlog > 100);
    show("fired", history && count(history.minutes.reduce((/** @type {number} */ sum, /** @type {any} */ { fired }) => sum + fired, 0)));
    show("p50", history?.lateness_ms && span(history.lateness_ms.p50));
    show("p99", history?.lateness_ms && span(history.lateness_ms.p99));
    const minutes = history?.minutes ?? [];
    throughput.show(minutes.map((/** @type {any} */ minute) => ({ start: Date.parse(minute.start), values: minute })));
    lateness.show(minutes.map((/** @type {any} */ minute) => ({ start: Date.parse(minute.start), values: minute.lateness_ms ?? { p50: null, p99: null, max: null } })));
    nats.show(stats.nats);
  };
  /** @param {string} key @param {string | null} text @param {boolean} [bad] */
  const show = (key, text, bad = false) => {
    const figure = figures.get(key);
    if (!figure) return;
    say(figure.value, text || "–");
    figure.node.classList.toggle("bad", bad);
  };

  main.append(el("div", { class: "service" },
    el("header", { class: "view-head" }, el("h1", {}, "Service")), missing,
    el("dl", { class: "tiles" }, [...figures.values()].map(({ node }) => node)),
    el("div", { class: "plots" }, throughput.node, lateness.node),
    receivers.node, nodes.node, nats.node));
  void repeat(read, signal);
  return "Service";
}

/** @param {number} ms */
function spanOrNothing(ms) {
  return ms === 0 ? "0" : span(ms);
}

/** @param {unknown} error */
function failed(error) {
  return { timers: null, backlog: null, history: null, nats: null, missing: [{ pointer: "", detail: /** @type {Error} */ (error).message.replace(/\.$/, "") }] };
}

/**
 * Again and again until the signal; not while nobody looks.
 * @param {() => Promise<void>} what
 * @param {AbortSignal} signal
 */
async function repeat(what, signal) {
  while (!signal.aborted) {
    if (!document.hidden) await what();
    await new Promise((done) => { setTimeout(done, EVERY); });
  }
}
