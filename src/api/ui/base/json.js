// JSON as it was written. A script's numbers have 53 bits, so a body that is read and written again would be another one:
// what a receiver gets is shown, edited and sent as a text.

const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** JSON that is sent as it stands, so that no digit of a number and no order of names is lost. */
export class Raw {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/**
 * What an answer of the API says. The member `body` of it is what somebody else has written, so it is a `Raw`.
 * @param {string} text
 * @returns {any}
 * @throws {SyntaxError} if it is not JSON
 */
export function readAnswer(text) {
  const json = JSON.parse(text);
  if (typeof json === "object" && json !== null && Object.hasOwn(json, "body")) json.body = new Raw(memberText(text, "body"));
  return json;
}

/**
 * The value of a member as it was written.
 * @param {string} text the JSON of an object
 * @param {string} name a member that it has
 */
export function memberText(text, name) {
  let [depth, from, before] = [0, -1, ""];
  for (const { 0: token, index } of text.matchAll(TOKENS)) {
    if (depth === 1 && from >= 0 && (token === "," || token === "}")) return text.slice(from, index).trim();
    if (depth === 1 && from < 0 && token === ":" && JSON.parse(before) === name) from = index + 1;
    if (token === "{" || token === "[") depth += 1;
    if (token === "}" || token === "]") depth -= 1;
    before = token;
  }
  return "null";
}

/**
 * JSON with each member and item on a line of its own, and every token as it was written.
 * @param {string} text
 */
export function indented(text) {
  let [depth, before] = [0, ""];
  const parts = [];
  const line = () => parts.push("\n", "  ".repeat(depth));
  for (const [token] of text.matchAll(TOKENS)) {
    const [opened, closes] = [before === "{" || before === "[", token === "}" || token === "]"];
    if (closes) depth -= 1;
    if (before === "," || opened !== closes) line();
    parts.push(token);
    if (token === ":") parts.push(" ");
    if (token === "{" || token === "[") depth += 1;
    before = token;
  }
  return parts.join("");
}
