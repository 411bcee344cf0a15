// The receiver that `jettimer dev` has in it, so that trying it out needs nothing else. The page is told by the node that it is there.

import { addressOf } from "../node/api.js";

/** Its address, if there is one. @returns {string | undefined} */
export function builtInInbox() {
  const path = document.querySelector("meta[name=jettimer-inbox]")?.getAttribute("content");
  return path ? addressOf(path) : undefined;
}
