// The parts that the service is made of, each as a table: whom it calls, its nodes, and NATS.

import { el } from "../base/dom.js";
import { count, size, span } from "../base/format.js";
import { badge, table } from "./tables.js";

const BREAKERS = /** @type {const} */ ({ closed: ["closed", "good"], open: ["open", "bad"], half_open: ["half open", "middling"], partly: ["open for some paths", "middling"] });

export function receiversPart() {
  const part = table("Receivers", [{ words: "Receiver" }, { words: "Breaker" }, { words: "Calls now", numbers: true }, { words: "Waiting", numbers: true }, { words: "Failures in a row", numbers: true }, { words: "Postponed", numbers: true }],
    "This node has not called a receiver yet.");
  part.note("as this node sees them");
  return {
    node: part.node,
    /** @param {{ receivers: any[] }} page */
    show({ receivers }) {
      part.show(receivers.map((one) => {
        const [words, how] = BREAKERS[/** @type {keyof typeof BREAKERS} */ (one.breaker)];
        const asked = one.asked_for_ms ? `, asked not to be called for ${span(one.asked_for_ms)}` : "";
        const yet = (one.open_for_ms ? ` for another ${span(one.open_for_ms)}` : "") + asked;
        return [one.receiver, badge(words + yet, how), `${count(one.in_flight)} of ${count(one.limit)}`, count(one.waiting), count(one.failures), count(one.postponed)];
      }));
    },
    /** @param {Error} error */
    fail(error) { part.show([], error.message); },
  };
}

export function nodesPart() {
  const part = table("Nodes", [{ words: "Node" }, { words: "State" }, { words: "Role" }, { words: "Version" }, { words: "Its clock", numbers: true }, { words: "Last heard", numbers: true }], "No nodes are heard.");
  return {
    node: part.node,
    /** @param {{ nodes: any[], clock: any }} page */
    show({ nodes, clock }) {
      part.note(clock.nats_offset_ms === null ? "" : `NATS' clock ${offset(clock.nats_offset_ms)}`);
      part.show(nodes.map((one) => [
        el("span", {}, one.name, one.this && el("span", { class: "this-one" }, "answers this page"),
          one.differences?.length > 0 && el("span", { class: "this-one" }, `set up differently: ${one.differences.join(", ")}`)),
        badge(one.state, one.state === "running" ? "good" : "middling"), one.role, one.version,
        one.clock_offset_ms === null ? "–" : offset(one.clock_offset_ms), one.this ? "–" : `${span(one.silent_for_ms)} ago`]));
    },
    /** @param {Error} error */
    fail(error) { part.show([], error.message); },
  };
}

export function natsPart() {
  const part = table("NATS", [{ words: "Stream" }, { words: "Messages", numbers: true }, { words: "Size", numbers: true }, { words: "Replicas" }, { words: "Consumers" }], "No stream information from NATS yet.");
  return {
    node: part.node,
    /** @param {any} nats */
    show(nats) {
      if (!nats) return part.show([]);
      const cluster = nats.cluster ? ` of ${nats.cluster}` : "";
      const trip = nats.round_trip_ms === null ? "no answer from JetStream" : `JetStream answers in ${span(nats.round_trip_ms)}`;
      part.note(`${nats.connected ? "connected to" : "not connected, last to"} ${nats.server}${cluster}, ${nats.version}; ${trip}`);
      return part.show(nats.streams.map((/** @type {any} */ stream) => [
        stream.name, count(stream.messages), size(stream.bytes),
        el("span", { class: "badges" }, (stream.replicas ?? []).map((/** @type {any} */ one) =>
          badge(`${one.server}${one.leader ? " leads" : one.current ? "" : `, ${count(one.lag)} behind`}`, one.current ? "good" : "bad"))),
        (stream.consumers ?? []).map((/** @type {any} */ one) => `${one.name}: ${count(one.pending)} pending, ${count(one.ack_pending)} being worked on`).join("; ") || "–"]));
    },
  };
}

/** @param {number} ms */
function offset(ms) {
  return `${ms < 0 ? "−" : "+"}${span(Math.abs(ms))}`;
}
