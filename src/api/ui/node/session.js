// The token, for as long as this tab is open. It is in no cookie, so no other page can make the browser send it.

const KEY = "jettimer.token";

/** Tells of `change`. */
export const session = new EventTarget();

/** @returns {string | null} */
export function token() {
  return sessionStorage.getItem(KEY);
}

/** @param {string | null} value */
export function setToken(value) {
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
  session.dispatchEvent(new Event("change"));
}

/** The header that the token travels in, if there is one. @returns {Record<string, string>} */
export function credentials() {
  const value = token();
  return value ? { authorization: `Bearer ${value}` } : {};
}
