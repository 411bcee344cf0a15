
// The inbox: asks for all that has come once a second, and shows each webhook once. All text goes in as text, so
// nothing that a timer sends can become markup.

const EVERY_MS = 1000;
const at = (id) => document.getElementById(id);
const list = at("list"), status = at("status"), empty = at("empty"), token = at("token");
let shown = new Map();

function el(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

function span(ms) {
  if (ms < 1000) return `${ms.toFixed(1)} ms`;
  return `${(ms / 1000).toLocaleString(undefined, { maximumFractionDigits: 1 })} s`;
}

const signatures = {
  valid: ["good", "signature valid"],
  invalid: ["bad", "signature wrong"],
  missing: ["", "not signed"],
};

// JSON with an indentation, and every number as it came.
function pretty(text) {
  try {
    JSON.parse(text);
    return indented(text);
  } catch {
    return text;
  }
}

function body(hook) {
  if (!hook.body_bytes) return [el("p", {}, "No body.")];
  const text = hook.body === undefined ? hook.body_base64 : pretty(hook.body);
  const more = hook.truncated ? `The beginning of ${hook.body_bytes.toLocaleString()} bytes.` : "";
  return [el("pre", { tabindex: "0" }, text), more && el("p", {}, more)];
}

function details(hook) {
  const headers = Object.entries(hook.headers).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  return el("div", {},
    el("h3", {}, hook.body === undefined && hook.body_bytes ? "Body, in Base64" : "Body"), ...body(hook),
    el("h3", {}, "Headers"), el("dl", {}, headers.flat()));
}

function item(hook) {
  const [kind, word] = signatures[hook.signature];
  const summary = el("summary", {},
    el("span", {}, hook.method),
    el("span", { class: "path" }, hook.path + (hook.query ? `?${hook.query}` : "")),
    el("small", { class: kind }, word),
    el("small", {}, hook.attempt === null ? "not from a timer" : `attempt ${hook.attempt}`),
    hook.lateness_ms === null ? "" : el("small", {}, `${span(hook.lateness_ms)} after due`),
    el("small", { class: hook.status < 300 ? "good" : "bad" }, `answered ${hook.status}`),
    el("time", { datetime: hook.received_at }, new Date(hook.received_at).toLocaleTimeString()));
  const box = el("details", {}, summary);
  // Filled when it is opened first: most never are.
  box.addEventListener("toggle", () => box.childElementCount > 1 || box.append(details(hook)), { once: true });
  return el("li", {}, box);
}

function show({ webhooks, received }) {
  const before = shown;
  shown = new Map(webhooks.map((hook) => [hook.number, before.get(hook.number) ?? item(hook)]));
  const items = [...shown.values()];
  // Those that are there stay where they are, with what is open and what has the focus.
  for (const old of [...list.children]) if (!items.includes(old)) old.remove();
  items.forEach((entry, n) => list.children[n] === entry || list.insertBefore(entry, list.children[n] ?? null));
  at("none").hidden = items.length > 0;
  empty.hidden = !items.length;
  const gone = received > items.length ? `, the newest of ${received.toLocaleString()}` : "";
  status.textContent = `${items.length} ${items.length === 1 ? "webhook" : "webhooks"}${gone}`;
}

async function ask(method) {
  const headers = { accept: "application/json" };
  if (token.value) headers.authorization = `Bearer ${token.value.trim()}`;
  const answer = await fetch(location.pathname, { method, headers });
  at("token-label").hidden = answer.status !== 401 && answer.status !== 403 && !token.value;
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.detail);
  return json;
}

async function look() {
  try {
    show(await ask("GET"));
  } catch (error) {
    status.textContent = error instanceof TypeError ? "The node does not answer; trying again." : error.message;
  }
}

empty.addEventListener("click", async () => {
  if (!confirm("Remove all webhooks shown here?")) return;
  try {
    await ask("DELETE");
  } catch (error) {
    status.textContent = error.message;
  }
  await look();
});

// The node's own address: a proxy may have put it behind a prefix.
const node = location.origin + location.pathname.slice(0, location.pathname.indexOf("/dev/inbox"));
at("home").href = `${node}/`;
at("curl").textContent =
  `curl ${node}/timer -H 'Content-Type: application/json' \\\n  -d '{"seconds": 5, "url": "${location.origin}${location.pathname}"}'`;

for (;;) {
  await look();
  await new Promise((done) => setTimeout(done, EVERY_MS));
}
