// The runway: the next minutes as a strip that moves towards now, with a mark for each call that is due, and behind it the
// calls that were made lately. A picture for those who see it; the lists beside it say the same in words.

import { now } from "../node/clock.js";
import { svg } from "../base/dom.js";
import { callAt, overAt } from "../timer/timers.js";

const [WIDTH, HEIGHT] = [1000, 64];
/** What is behind now and what is ahead, in ms, and where now is. */
const [BEHIND, AHEAD] = [30_000, 120_000];
const NOW = (WIDTH * BEHIND) / (BEHIND + AHEAD);
const GROUND = HEIGHT - 18;
/** Marks closer than this are one, which is higher. */
const BIN = 5;
const STEP = 30_000;

/** The strip, with what puts timers on it and what moves it. */
export function runway() {
  const marks = svg("g", { class: "marks" });
  const more = svg("rect", { class: "more", y: GROUND - 12, height: 12 });
  const scale = svg("g", { class: "scale" });
  const node = svg("svg", { class: "runway", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    more, scale, svg("line", { class: "ground", x1: 0, x2: WIDTH, y1: GROUND, y2: GROUND }), marks,
    svg("line", { class: "now-line", x1: NOW, x2: NOW, y1: 4, y2: GROUND + 5 }));
  for (let ms = -BEHIND; ms <= AHEAD; ms += STEP) {
    const x = place(ms);
    scale.append(svg("line", { x1: x, x2: x, y1: GROUND, y2: GROUND + 5 }));
  }
  /** @type {import("../timer/timers.js").Timer[]} */
  let ahead = [];
  /** @type {import("../timer/timers.js").Timer[]} */
  let behind = [];
  let edge = Infinity;
  return {
    node,
    /**
     * @param {import("../timer/timers.js").Timer[]} due
     * @param {import("../timer/timers.js").Timer[]} over
     * @param {number} until when those are all that are due, in ms
     */
    put(due, over, until) {
      [ahead, behind, edge] = [due, over, until];
    },
    /** Draws it for this moment. */
    tick() {
      const at = now();
      // What is farther ahead than what is known is not nothing.
      const from = Math.min(Math.max(place(edge - at), NOW), WIDTH);
      more.setAttribute("x", String(from));
      more.setAttribute("width", String(WIDTH - from));
      /** @type {Map<string, { x: number, state: string, many: number }>} */
      const bins = new Map();
      const add = (/** @type {number} */ ms, /** @type {string} */ state) => {
        if (ms < -BEHIND || ms > AHEAD) return;
        const x = place(ms);
        const key = `${Math.round(x / BIN)} ${state}`;
        const bin = bins.get(key) ?? { x, state, many: 0 };
        bin.many += 1;
        bins.set(key, bin);
      };
      for (const timer of behind) add(overAt(timer) - at, timer.state);
      for (const timer of ahead) add(Math.max(callAt(timer) - at, 0), timer.state);
      draw(marks, [...bins.values()]);
    },
  };
}

/** @param {number} ms from now */
function place(ms) {
  return NOW + (ms / AHEAD) * (WIDTH - NOW);
}

/**
 * @param {SVGElement} marks
 * @param {{ x: number, state: string, many: number }[]} bins
 */
function draw(marks, bins) {
  while (marks.childElementCount > bins.length) marks.lastElementChild?.remove();
  while (marks.childElementCount < bins.length) marks.append(svg("rect", { width: 3, rx: 1.5 }));
  bins.forEach(({ x, state, many }, n) => {
    const mark = /** @type {SVGElement} */ (marks.children[n]);
    const height = Math.min(12 + 8 * Math.log2(many), GROUND - 6);
    mark.setAttribute("x", String(x - 1.5));
    mark.setAttribute("y", String(GROUND - height));
    mark.setAttribute("height", String(height));
    mark.dataset.state = state;
  });
}
