// A time of day in a zone, as an instant with its offset. The browser knows the zones; it has no function for this way round.

/** This machine's clock, where its zone has no name that the browser can use. */
const LOCAL = "";

/**
 * Every zone that the browser knows, this machine's first: its name, and what people read.
 * @returns {[string, string][]}
 */
export function zones() {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const first = isUsable(here) ? here : LOCAL;
  const names = new Set([first, "UTC", ...Intl.supportedValuesOf?.("timeZone") ?? []]);
  return [...names].map((name) => [name, name === LOCAL ? "This machine's clock" : name.replaceAll("_", " ")]);
}

/**
 * Whether the browser can reckon with a zone. A machine's own may have a name that it cannot, such as `Etc/Unknown`.
 * @param {string | undefined} zone
 */
function isUsable(zone) {
  try {
    return Boolean(zone && new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" }));
  } catch {
    return false;
  }
}

/**
 * The offset of a zone at an instant, in whole minutes as RFC 3339 has it.
 * @param {string} zone
 * @param {number} instant
 */
function offset(zone, instant) {
  if (zone === LOCAL) return -Math.round(new Date(instant).getTimezoneOffset());
  const format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" });
  const name = format.formatToParts(instant).find((part) => part.type === "timeZoneName")?.value ?? "";
  const match = /GMT([+\u2212-])(\d\d?):?(\d\d)?/.exec(name);
  if (!match) return 0;
  return (match[1] === "+" ? 1 : -1) * (Number(match[2]) * 60 + Number(match[3] ?? 0));
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
  const [minute, day] = [60_000, 86_400_000];
  // Within a day of the last instant that a script can name there is none to look at.
  if (Number.isNaN(shown) || Math.abs(shown) > 8.64e15 - 2 * day) return local;
  // The offset a day before tells the first of two; the one that results has to hold at the instant itself.
  const before = offset(zone, shown - day);
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
 * An instant as the control for a time of day wants it, in a zone.
 * @param {string} instant
 * @param {string} zone
 */
export function localTime(instant, zone) {
  const at = Date.parse(instant);
  return new Date(at + offset(zone, at) * 60_000).toISOString().slice(0, 19);
}
