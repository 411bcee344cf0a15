// A time of day in a zone, as an instant with its offset. The browser knows the zones; it has no function for this way round.

/** Every zone that the browser knows, this machine's first. */
export function zones() {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const all = Intl.supportedValuesOf("timeZone");
  return [...new Set([here, "UTC", ...all])];
}

/**
 * The offset of a zone at an instant, in minutes.
 * @param {string} zone
 * @param {number} instant
 */
function offset(zone, instant) {
  const format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" });
  const name = format.formatToParts(instant).find((part) => part.type === "timeZoneName")?.value ?? "";
  const match = /GMT([+-])(\d\d):(\d\d)/.exec(name);
  if (!match) return 0;
  return (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

/**
 * What the clocks of a zone show, with the zone's offset then. A time that is there twice is the first of both; one that is left
 * out when clocks go forward is as much later.
 * @param {string} local such as `2027-01-01T09:00` or with seconds
 * @param {string} zone
 * @returns {string} RFC 3339, or what was given if it is no time
 */
export function instantIn(local, zone) {
  const shown = Date.parse(`${local}Z`);
  if (Number.isNaN(shown)) return local;
  const minute = 60_000;
  // The offset a day before tells the first of two; the one that results has to hold at the instant itself.
  const before = offset(zone, shown - 1440 * minute);
  const candidates = [before, offset(zone, shown - before * minute)];
  const fits = candidates.find((minutes) => offset(zone, shown - minutes * minute) === minutes);
  const instant = shown - (fits ?? before) * minute;
  return write(instant, offset(zone, instant));
}

/**
 * @param {number} instant
 * @param {number} minutes
 */
function write(instant, minutes) {
  const text = new Date(instant + minutes * 60_000).toISOString().replace(/\.000Z$/, "").replace(/Z$/, "");
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const sign = minutes < 0 ? "-" : "+";
  return `${text}${sign}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

/**
 * An instant as the control for a time of day wants it, on this machine's clock.
 * @param {string | number} instant
 */
export function localTime(instant) {
  const at = new Date(instant);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
