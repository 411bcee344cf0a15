// Reading server-sent events out of pieces of text (HTML, 9.2.6). The browser's own EventSource sends no token.

/** @typedef {{ name: string, data: string }} Message */

/** A reader of one stream. */
export class Events {
  #rest = "";
  #name = "";
  /** @type {string[]} */
  #data = [];
  /** The id of the last event, as `Last-Event-ID` wants it. */
  last = "";

  /**
   * Takes the next piece.
   * @param {string} piece
   * @returns {Message[]} the events that it completes
   */
  push(piece) {
    const lines = (this.#rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line) ?? []);
  }

  /** @param {string} line */
  #line(line) {
    if (line === "") return this.#end();
    const colon = line.indexOf(":");
    const [field, rest] = colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1)];
    const value = rest.startsWith(" ") ? rest.slice(1) : rest;
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.last = value;
    return undefined;
  }

  #end() {
    const [name, data] = [this.#name || "message", this.#data];
    this.#name = "";
    this.#data = [];
    return data.length ? { name, data: data.join("\n") } : undefined;
  }
}
