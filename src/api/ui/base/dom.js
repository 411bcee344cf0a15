// Making elements. All text goes in as text, so nothing from a timer or a receiver can become markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | undefined | null | ((event: any) => void)>} Attributes
 */

/**
 * An element with attributes and children. `on…` is a listener, `true` an empty attribute, `false` none.
 * @param {string} name
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {any} an element of that name
 */
export function el(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/**
 * The same of a picture.
 * @param {string} name
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function svg(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/**
 * @param {Element} element
 * @param {Attributes | undefined} attributes
 * @param {(Child | Child[])[]} children
 */
function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, String(value));
  }
  element.append(...present(children));
  return element;
}

/**
 * What is there of some children.
 * @param {(Child | Child[])[]} children
 * @returns {(Node | string)[]}
 */
export function present(children) {
  const there = children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== "");
  return /** @type {(Node | string)[]} */ (there.map((child) => (typeof child === "number" ? String(child) : child)));
}

/**
 * Sets a text, if it is another: an equal one would be laid out again all the same.
 * @param {Node} node
 * @param {string} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

let last = 0;

/** An id that no other element has. */
export function freshId() {
  last += 1;
  return `n${last}`;
}
