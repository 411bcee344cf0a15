// Times, spans and numbers as people read them. Every figure has a fixed number of digits where it changes while one looks.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const whole = new Intl.NumberFormat("en");
const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dateAndYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** @param {number} value */
export function count(value) {
  return whole.format(value);
}

/** @param {number} value */
function two(value) {
  return String(value).padStart(2, "0");
}

/**
 * What is left until an instant, as a clock that counts down.
 * @param {number} ms
 */
export function countdown(ms) {
  if (ms <= 0) return "0.0 s";
  if (ms < MINUTE) return `${(Math.ceil(ms / 100) / 10).toFixed(1)} s`;
  const seconds = Math.ceil(ms / SECOND);
  if (ms < HOUR) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  if (ms < DAY) return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const [days, hours] = [Math.floor(ms / DAY), Math.floor((ms % DAY) / HOUR)];
  return days < 100 ? `${days} d ${hours} h` : `${whole.format(days)} d`;
}

/**
 * A span that is over: how late something was, how long it took.
 * @param {number} ms
 */
export function span(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.round((ms % MINUTE) / SECOND)} s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${Math.round((ms % HOUR) / MINUTE)} min`;
  return `${Math.floor(ms / DAY)} d ${Math.round((ms % DAY) / HOUR)} h`;
}

/**
 * An instant on this machine's clock: the time alone if it is of today.
 * @param {string | number} instant
 * @param {number} now
 */
export function moment(instant, now) {
  const at = new Date(instant);
  const today = new Date(now);
  if (at.toDateString() === today.toDateString()) return time.format(at);
  const day = at.getFullYear() === today.getFullYear() ? date : dateAndYear;
  return `${day.format(at)}, ${time.format(at)}`;
}

/** @param {string} instant with fractions of a second, in this machine's zone */
export function exactly(instant) {
  const at = new Date(instant);
  return `${dateAndYear.format(at)}, ${time.format(at)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length);
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

/**
 * A URL in two parts: whom it calls, and where there.
 * @param {string} text
 * @returns {[string, string]}
 */
export function urlParts(text) {
  const match = /^(?:https?:\/\/)?([^/?#]*)(.*)$/i.exec(text);
  return match ? [match[1], match[2] === "/" ? "" : match[2]] : [text, ""];
}
