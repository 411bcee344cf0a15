// Asking the node. An answer is JSON, or a problem as the API says it (RFC 9457); a node that cannot be reached is one too.

import { observe } from "./clock.js";
import { readAnswer } from "../base/json.js";
import { credentials, session } from "./session.js";

/** @typedef {{ pointer: string, detail: string }} FieldError */

/** What an answer says is wrong. */
export class Problem extends Error {
  /**
   * @param {number} status 0 if there was no answer
   * @param {any} json
   */
  constructor(status, json) {
    super(json.detail ?? json.title);
    this.status = status;
    /** @type {string} */
    this.title = json.title;
    /** @type {string} the last part of its type, such as `too-late` */
    this.kind = String(json.type ?? "").split(":").pop() ?? "";
    /** @type {FieldError[]} */
    this.errors = json.errors ?? [];
    /** The timer as it is now, if that is why. */
    this.timer = json.timer;
  }
}

/** @type {Problem} */
const UNREACHABLE = new Problem(0, { title: "No answer", detail: "The node cannot be reached, so it is not known whether it got this request. It is safe to send it again." });

/**
 * The address of a path of the node, relative to that of this page: a proxy may have put both behind a prefix.
 * @param {string} path such as `/timer`
 */
export function addressOf(path) {
  return new URL(`.${path}`, document.baseURI).href;
}

/**
 * @typedef {object} Asked
 * @property {string} [body] JSON
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 */

/**
 * Sends a request, and throws a Problem unless it was answered as wished.
 * @param {string} method
 * @param {string} path
 * @param {Asked} [asked]
 * @returns {Promise<{ status: number, json: any, etag: string | null }>}
 */
export async function ask(method, path, { body, headers, signal } = {}) {
  const response = await open(method, path, { body, headers, signal });
  const text = await response.text().catch(() => { throw UNREACHABLE; });
  return { status: response.status, json: read(text), etag: response.headers.get("etag") };
}

/** @param {string} text */
function read(text) {
  try {
    return readAnswer(text);
  } catch {
    throw UNREACHABLE;
  }
}

/**
 * The same, with the body yet to be read.
 * @param {string} method
 * @param {string} path
 * @param {Asked} asked
 */
export async function open(method, path, { body, headers, signal }) {
  const sent = Date.now();
  /** @type {Record<string, string>} */
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const init = { method, body, signal, headers: { ...type, ...credentials(), ...headers } };
  const response = await fetch(addressOf(path), init).catch((error) => { throw signal?.aborted ? error : UNREACHABLE; });
  observe(response.headers.get("date"), sent);
  if (response.ok) return response;
  const text = await response.text().catch(() => "");
  const problem = new Problem(response.status, problemOf(text, response.status));
  if (problem.status === 401) session.dispatchEvent(new CustomEvent("refused", { detail: problem }));
  throw problem;
}

/**
 * @param {string} text
 * @param {number} status
 */
function problemOf(text, status) {
  try {
    return JSON.parse(text);
  } catch {
    // Something between this page and the node has answered.
    return { title: `Answered ${status}`, detail: `Something other than jettimer answered with ${status}.` };
  }
}

/**
 * Reads.
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export async function get(path, signal) {
  return (await ask("GET", path, { signal })).json;
}
