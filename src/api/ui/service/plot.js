// A plot of the minutes of an hour: bars that stand on each other, or lines; with a scale, and what a minute has in words
// under the pointer or the arrow keys.

import { el, say, svg } from "../base/dom.js";

/** Its units are about pixels, so that words in it are as large as beside it: a phone has room for fewer. */
const [WIDTH, HEIGHT] = matchMedia("(max-width: 48rem)").matches ? [340, 170] : [600, 180];
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 6, 10, 22];
const MINUTES = 60;
const STEP = (WIDTH - LEFT - RIGHT) / MINUTES;

/**
 * @typedef {{ key: string, words: string }} Series
 * @typedef {{ start: number, values: Record<string, number | null> }} Minute
 */

/**
 * @param {object} about
 * @param {string} about.title
 * @param {"bars" | "lines"} about.kind
 * @param {Series[]} about.series from below
 * @param {(value: number) => string} about.format
 */
export function plot({ title, kind, series, format }) {
  const scale = svg("g", { class: "plot-scale" });
  const marks = svg("g", { class: `plot-${kind}` });
  const cursor = svg("rect", { class: "plot-cursor", y: TOP, width: STEP, height: HEIGHT - TOP - BOTTOM, visibility: "hidden" });
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}, by minutes of the last hour`, tabindex: "0" }, scale, cursor, marks);
  const read = el("p", { class: "plot-read", role: "status" });
  const legend = el("ul", { class: "plot-legend" }, series.map(({ key, words }) => el("li", { "data-series": key }, words)));
  const node = el("figure", { class: "card plot" }, el("figcaption", {}, el("h2", {}, title), legend), picture, read);
  /** @type {Minute[]} */
  let minutes = [];
  let at = -1;

  const tell = () => {
    const minute = minutes[at];
    cursor.setAttribute("visibility", minute ? "visible" : "hidden");
    if (!minute) return say(read, summary(minutes, series, kind, format));
    cursor.setAttribute("x", String(x(at, minutes.length)));
    const time = new Date(minute.start).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    const words = series.map(({ key, words }) => `${words} ${minute.values[key] === null ? "–" : format(minute.values[key] ?? 0)}`);
    return say(read, `${time} · ${words.join(" · ")}`);
  };
  picture.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const box = picture.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * WIDTH;
    at = Math.floor((place - LEFT) / STEP) - (MINUTES - minutes.length);
    tell();
  });
  picture.addEventListener("pointerleave", () => { at = -1; tell(); });
  picture.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    at = at < 0 ? minutes.length - 1 : Math.min(Math.max(at + by, 0), minutes.length - 1);
    tell();
  });
  picture.addEventListener("blur", () => { at = -1; tell(); });
  return {
    node,
    /** @param {Minute[]} next */
    show(next) {
      minutes = next.slice(-MINUTES);
      const sums = minutes.map(({ values }) => (kind === "bars" ? series.reduce((sum, { key }) => sum + (values[key] ?? 0), 0) : Math.max(...series.map(({ key }) => values[key] ?? 0))));
      const top = niceTop(Math.max(...sums, 0));
      drawScale(scale, top, format);
      marks.replaceChildren(...(kind === "bars" ? bars(minutes, series, top) : lines(minutes, series, top)));
      tell();
    },
  };
}

/** @param {number} n @param {number} count the newest is at the right */
function x(n, count) {
  return LEFT + (MINUTES - count + n) * STEP;
}

/** @param {number} value @param {number} top */
function y(value, top) {
  return HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
}

/** @param {number} most the next of 1, 2, 5, 10, … */
function niceTop(most) {
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 5, 10].find((step) => step * power >= most) ?? 10) * power;
}

/** @param {Minute[]} minutes @param {Series[]} series @param {number} top */
function bars(minutes, series, top) {
  return minutes.flatMap(({ values }, n) => {
    let below = 0;
    return series.map(({ key }) => {
      const value = values[key] ?? 0;
      if (!value) return undefined;
      const [low, high] = [y(below, top), y(below + value, top)];
      below += value;
      return svg("rect", { x: x(n, minutes.length) + 1, y: high, width: STEP - 2, height: Math.max(low - high, 1), "data-series": key });
    }).filter((bar) => bar !== undefined);
  });
}

/** @param {Minute[]} minutes @param {Series[]} series @param {number} top */
function lines(minutes, series, top) {
  return series.flatMap(({ key }) => {
    let path = "";
    let pen = false;
    /** @type {SVGElement[]} */
    const dots = [];
    minutes.forEach(({ values }, n) => {
      const value = values[key];
      if (value === null || value === undefined) { pen = false; return; }
      const [px, py] = [x(n, minutes.length) + STEP / 2, y(value, top)];
      path += `${pen ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`;
      // A minute between two without a value has no line to be seen by.
      if (!pen && (minutes[n + 1]?.values[key] ?? null) === null) dots.push(svg("circle", { cx: px, cy: py, r: 2, "data-series": key }));
      pen = true;
    });
    return [svg("path", { d: path, "data-series": key }), ...dots];
  });
}

/** @param {SVGElement} scale @param {number} top @param {(value: number) => string} format */
function drawScale(scale, top, format) {
  const rows = [0, 0.5, 1].flatMap((part) => {
    const at = y(part * top, top);
    return [svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at }), svg("text", { x: LEFT - 8, y: at + 3.5, "text-anchor": "end" }, format(part * top))];
  });
  const columns = (WIDTH < 400 ? [60, 30, 0] : [60, 45, 30, 15, 0]).map((ago) =>
    svg("text", { x: LEFT + (MINUTES - ago) * STEP, y: HEIGHT - 6, "text-anchor": ago === 60 ? "start" : ago === 0 ? "end" : "middle" }, ago === 0 ? "now" : `−${ago} min`));
  scale.replaceChildren(...rows, ...columns);
}

/** @param {Minute[]} minutes @param {Series[]} series @param {string} kind @param {(value: number) => string} format */
function summary(minutes, series, kind, format) {
  const parts = series.map(({ key, words }) => {
    const values = minutes.map(({ values }) => values[key] ?? 0);
    const value = kind === "bars" ? values.reduce((sum, one) => sum + one, 0) : Math.max(...values, 0);
    return `${words} ${format(value)}`;
  });
  return `${kind === "bars" ? "In this hour" : "At most"}: ${parts.join(" · ")}`;
}
