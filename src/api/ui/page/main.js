// The page: its head, its views, and signing in where the node asks for a token.

import { allView } from "../lists/all.js";
import { el, present } from "../base/dom.js";
import { icon } from "../base/icons.js";
import { help, listenToKeys } from "./keys.js";
import { addressOf, get } from "../node/api.js";
import { learn } from "../node/clock.js";
import { live, start, stop } from "../node/live.js";
import { nowView } from "../lists/now.js";
import { route } from "./router.js";
import { serviceView } from "../service/service.js";
import { session, setToken, token } from "../node/session.js";
import { signIn } from "./signin.js";
import { standing } from "./standing.js";
import { builtInInbox } from "./inbox.js";
import { themeButton } from "./theme.js";
import { timerView } from "../timer/timer.js";
import { complain, places } from "./toast.js";

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const forever = new AbortController().signal;

const links = [["", "Timers"], ["timers", "All timers"], ["service", "Service"]].map(([path, words]) => ({ path, node: el("a", { href: `#/${path}` }, words) }));
const inbox = builtInInbox();
const out = el("button", { type: "button", class: "quiet-button", "aria-label": "Sign out", title: "Sign out", hidden: !token(), onclick: () => { setToken(null); location.reload(); } }, icon("out"));
const is = standing(forever);
document.getElementById("nav")?.append(...links.map(({ node }) => node));
document.getElementById("tools")?.append(...present([is.node, out, themeButton(),
  el("button", { type: "button", class: "quiet-button keys-button", "aria-label": "Keyboard shortcuts", title: "Keyboard shortcuts (?)", onclick: help }, icon("keys")),
  inbox && el("a", { class: "docs-link", href: inbox }, "Inbox"),
  el("a", { class: "docs-link", href: addressOf("/docs") }, "API")]));
document.getElementById("top")?.after(is.banner);
document.body.append(places());
document.getElementById("skip")?.addEventListener("click", (event) => { event.preventDefault(); main.focus(); });

const show = route(main, { "": nowView, timers: allView, timer: timerView, service: serviceView }, ({ path }) => {
  for (const link of links) link.node.toggleAttribute("aria-current", link.path === (path === "timer" ? "timers" : path));
  for (const link of links) if (link.node.hasAttribute("aria-current")) link.node.setAttribute("aria-current", "page");
});
// Where there is no answer, the node's clock goes like any other.
live.addEventListener("anew", () => get("/stats").then(learn, () => {}));
listenToKeys();
addEventListener("unhandledrejection", (event) => complain(event.reason));

let signingIn = false;
session.addEventListener("refused", (event) => {
  if (signingIn) return;
  signingIn = true;
  stop();
  document.body.classList.add("signed-out");
  // One that was good and is not any more is worth a word.
  const why = token() ? /** @type {CustomEvent} */ (event).detail.message : "";
  setToken(null);
  // After the views that were refused.
  setTimeout(() => signIn(main, why, () => {
    signingIn = false;
    document.body.classList.remove("signed-out");
    out.hidden = !token();
    show();
    start();
  }));
});
start();
