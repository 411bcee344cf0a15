// The request of a form as a line for a shell.

import { addressOf } from "../node/api.js";
import { token } from "../node/session.js";

/**
 * A word in single quotes, in which a shell reads nothing.
 * @param {string} text
 */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {string} body
 */
export function curl(method, path, body) {
  const lines = [`curl ${method === "POST" ? "" : `-X ${method} `}${quoted(addressOf(path))}`, "-H 'Content-Type: application/json'"];
  // The token stays out of what is copied, and out of the shell's history.
  if (token()) lines.push('-H "Authorization: Bearer $JETTIMER_TOKEN"');
  lines.push(`-d ${quoted(body)}`);
  return lines.join(" \\\n  ");
}
