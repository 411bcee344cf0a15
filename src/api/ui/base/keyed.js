// A list that is brought up to date row by row: what stays is not made again, and keeps its focus.

/**
 * @template {{ id: string }} T
 * @typedef {{ node: Element, update: (item: T) => void }} Row
 */

/**
 * Gives what shows a list of items, in this order, as children of an element.
 * @template {{ id: string }} T
 * @param {Element} parent
 * @param {(item: T) => Row<T>} make
 * @returns {(items: T[]) => void}
 */
export function keyed(parent, make) {
  /** @type {Map<string, Row<T>>} */
  const rows = new Map();
  return (items) => {
    const wanted = new Set(items.map((item) => item.id));
    for (const [id, row] of rows) {
      if (wanted.has(id)) continue;
      row.node.remove();
      rows.delete(id);
    }
    let place = parent.firstElementChild;
    for (const item of items) {
      const row = rows.get(item.id) ?? make(item);
      rows.set(item.id, row);
      row.update(item);
      // A row in its place is not touched: moving it would take its focus away.
      if (row.node === place) place = place.nextElementSibling;
      else parent.insertBefore(row.node, place);
    }
  };
}
