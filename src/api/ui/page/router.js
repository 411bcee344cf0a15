// Which view is shown: by the part of the address behind `#`, so that every view has a link and the node one page.

/**
 * A view puts itself into `main` and lives until the signal; it says its title.
 * @typedef {(main: HTMLElement, route: Route, signal: AbortSignal) => string} View
 * @typedef {{ path: string, rest: string, query: URLSearchParams }} Route
 */

/** The address as a route. */
export function here() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [first, ...rest] = path.split("/");
  return { path: first, rest: decodeURIComponent(rest.join("/")), query: new URLSearchParams(query) };
}

/**
 * Shows the view of the address, now and whenever it changes.
 * @param {HTMLElement} main
 * @param {Record<string, View>} views
 * @param {(route: Route) => void} shown
 * @returns {() => void} shows it anew
 */
export function route(main, views, shown) {
  let controller = new AbortController();
  let first = true;
  const show = () => {
    controller.abort();
    controller = new AbortController();
    const at = here();
    main.replaceChildren();
    const view = Object.hasOwn(views, at.path) ? views[at.path] : views[""];
    document.title = `${view(main, at, controller.signal)} · jettimer`;
    shown(at);
    if (!first) arrive(main);
    first = false;
  };
  addEventListener("hashchange", show);
  show();
  return show;
}

/**
 * Whoever cannot see it hears that there is another view.
 * @param {HTMLElement} main
 */
function arrive(main) {
  scrollTo(0, 0);
  const heading = main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}

/**
 * Changes the query of the address without another view, as a filter does.
 * @param {string} path
 * @param {URLSearchParams} query
 */
export function note(path, query) {
  const text = query.toString();
  history.replaceState(null, "", `#/${path}${text ? `?${text}` : ""}`);
}
