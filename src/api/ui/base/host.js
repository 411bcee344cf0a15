// Hosts in the one form by which they are compared, which is that of the API: as the URL standard writes them, without a dot
// at the end of a name, and with an IPv4 address in its own form.

/** @typedef {{ name: string, port: string }} Host `port` is empty if any is meant */

/**
 * The host and port of what somebody types or pastes: a URL, or what the page shows of one. Other spellings of a host are left
 * to the API.
 * @param {string} word
 */
export function authorityOf(word) {
  const rest = word.replace(/^https?:\/\//i, "");
  return rest.slice(0, /[/\\?#]|$/.exec(rest)?.index).split("@").pop() ?? "";
}

/**
 * Whether a timer calls a host, however either of them is spelled.
 * @param {string} url of the timer
 * @param {string} authority
 */
export function calls(url, authority) {
  const [called, meant] = [hostOf(url), hostOf(`http://${bracketed(authority)}`)];
  if (!called || !meant || called.name !== meant.name) return false;
  const port = /:(\d+)$/.exec(bracketed(authority));
  return !port || Number(port[1]) === Number(called.port);
}

/**
 * @param {string} text
 * @returns {Host | undefined} nothing if it is no URL
 */
function hostOf(text) {
  try {
    const { hostname, port, protocol } = new URL(text);
    return { name: ipv4(hostname) ?? hostname.replace(/\.+$/, ""), port: port || (protocol === "https:" ? "443" : "80") };
  } catch {
    return undefined;
  }
}

/**
 * The IPv4 address that an IPv6 address stands for (RFC 4291, 2.5.5.2).
 * @param {string} hostname
 */
function ipv4(hostname) {
  const match = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(hostname);
  if (!match) return undefined;
  const [high, low] = [parseInt(match[1], 16), parseInt(match[2], 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/**
 * An IPv6 address is in brackets in a URL.
 * @param {string} authority
 */
function bracketed(authority) {
  return /^[^[].*:.*:/.test(authority) || authority.startsWith("::") ? `[${authority}]` : authority;
}
