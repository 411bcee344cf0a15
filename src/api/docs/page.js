
// The page: what there is, operation by operation, then the problems and the call that goes out.

const main = document.getElementById("main");
const index = document.getElementById("index");
const find = document.getElementById("find");

function method(name) {
  return el("span", { class: `method ${name}` }, name.toUpperCase());
}

function parameters(list) {
  if (!list.length) return [];
  return [el("h3", {}, "Parameters"), el("dl", { class: "fields" }, list.map((parameter) => [
    el("dt", {}, parameter.name, el("span", { class: "type" }, ` ${parameter.in}`), parameter.required && el("small", {}, "required")),
    el("dd", {}, typeLine(parameter.schema), el("p", {}, prose(parameter.description))),
  ]))];
}

function response([status, reference]) {
  const { description, headers, content: media } = resolve(reference);
  const [type, body] = Object.entries(media ?? {})[0] ?? [];
  const problems = type === "application/problem+json";
  const kinds = problems ? Object.keys(body.examples) : [];
  const summary = [el("span", { class: `status s${status[0]}` }, status), el("span", {}, prose(description))];
  return folded(summary, () => [
    problems
      ? el("div", { class: "kinds" }, kinds.map((kind) => el("a", { href: `#problem-${kind}` }, kind)))
      : body && [el("p", { class: "type" }, type), ...content(body.schema), ...events(body), ...examples(body).map(({ value }) => [el("h3", {}, "Example"), code(value)])],
    headers && [el("h3", {}, "Headers"), el("dl", { class: "fields" }, Object.entries(headers).map(([name, header]) => [
      el("dt", {}, name), el("dd", {}, el("p", {}, prose(resolve(header).description)))]))],
  ].flat(Infinity).filter(Boolean));
}

function events(body) {
  if (!body["x-events"]) return [];
  return [el("h3", {}, "Events"), el("dl", { class: "fields" }, Object.entries(body["x-events"]).map(([name, schema]) => field(name, schema)))];
}

function requestBody(body) {
  if (!body) return [];
  const [, media] = Object.entries(body.content)[0];
  return [el("h3", {}, "Body"), el("p", { class: "type" }, Object.keys(body.content).join(", ")), ...content(media.schema)];
}

function operation(one) {
  return el("section", { class: "operation", id: one.operationId, "aria-labelledby": `${one.operationId}-title` },
    el("header", {},
      el("h2", { id: `${one.operationId}-title` }, one.summary),
      el("div", { class: "line" }, method(one.method), el("span", { class: "mono" }, one.path),
        el("span", { class: "scope" }, one.scope ? ["needs the scope ", el("code", {}, one.scope)] : "open to everyone")),
      paragraphs(one.description)),
    el("div", {}, requestBody(one.requestBody), parameters(one.parameters), el("h3", {}, "Answers"), Object.entries(one.responses).map(response)),
    tryIt(one));
}

function problem([kind, example]) {
  return folded([el("span", { class: `status s${String(example.value.status)[0]}` }, String(example.value.status)), el("code", {}, kind), el("span", {}, example.summary)],
    () => code(example.value), { id: `problem-${kind}` });
}

function webhook([name, { post }]) {
  return el("section", { id: `webhook-${name}` }, el("h2", {}, post.summary), paragraphs(post.description), parameters(post.parameters));
}

function list(all) {
  const link = (href, ...children) => el("a", { href, "data-text": href.toLowerCase() }, ...children);
  index.replaceChildren(...openapi.tags.flatMap((tag) => [
    el("h3", {}, tag.name),
    ...all.filter((one) => one.tags.includes(tag.name)).map((one) => {
      const entry = link(`#${one.operationId}`, method(one.method), el("span", {}, one.summary));
      entry.dataset.text = `${one.operationId} ${one.method} ${one.path} ${one.summary}`.toLowerCase();
      return entry;
    }),
  ]), el("h3", {}, "more"), link("#problems", "Problems"), link("#webhook-due", "The outgoing call"));
}

function narrow() {
  const words = find.value.toLowerCase().split(/\s+/);
  for (const entry of index.querySelectorAll("a")) entry.hidden = !words.every((word) => entry.dataset.text.includes(word));
}

// A folded problem that is gone to opens.
function open() {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
  if (target) target.scrollIntoView();
  for (const entry of index.querySelectorAll("a")) entry.toggleAttribute("aria-current", entry.hash === location.hash);
}

find.addEventListener("input", narrow);
addEventListener("hashchange", open);
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.matches("input, textarea, select")) return;
  event.preventDefault();
  find.focus();
});

try {
  openapi = await (await fetch("openapi.json")).json();
  document.getElementById("version").textContent = openapi.info.version;
  const all = operations();
  list(all);
  main.replaceChildren(
    el("section", { id: "overview" }, el("h1", {}, openapi.info.summary), paragraphs(openapi.info.description)),
    ...all.map(operation),
    el("section", { class: "operation", id: "problems" }, el("header", {}, el("h2", {}, "Problems"),
      paragraphs("Every error, by its status and the end of its `type`.")),
      el("div", {}, Object.entries(openapi.components.examples).map(problem))),
    el("section", { class: "operation" }, Object.entries(openapi.webhooks).map(webhook)));
  open();
} catch (error) {
  document.getElementById("status").textContent = `The document at /openapi.json could not be shown: ${error.message}`;
}
