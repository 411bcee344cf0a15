
// Trying an operation: a form of its parameters and its body, and the answer as it comes.

const token = document.getElementById("token");

function input(parameter) {
  const schema = whole(parameter.schema);
  const attributes = { name: parameter.name, "data-in": parameter.in, required: parameter.required, autocomplete: "off", spellcheck: "false" };
  const choices = schema.enum ?? whole(schema.items ?? {}).enum ?? (schema.type === "boolean" ? [true, false] : undefined);
  if (choices) return el("select", attributes, el("option", { value: "" }, "–"), choices.map((choice) => el("option", {}, String(choice))));
  return el("input", { ...attributes, placeholder: schema.type === "array" ? [parameter.example].flat()[0] : "" });
}

// The address of an operation, relative to that of this page: a proxy may have put both behind a prefix.
function urlOf(operation, form) {
  let path = `.${operation.path}`;
  const query = new URLSearchParams();
  for (const control of form.querySelectorAll("[data-in]")) {
    if (!control.value) continue;
    if (control.dataset.in === "path") path = path.replace(`{${control.name}}`, encodeURIComponent(control.value));
    if (control.dataset.in === "query") query.append(control.name, control.value);
  }
  return query.size ? `${path}?${query}` : path;
}

function headersOf(operation, form) {
  const headers = new Headers();
  for (const control of form.querySelectorAll("[data-in=header]")) if (control.value) headers.set(control.name, control.value);
  if (operation.scope && token.value) headers.set("authorization", `Bearer ${token.value.trim()}`);
  if (form.elements.body) headers.set("content-type", form.elements.type.value);
  return headers;
}

async function send(operation, form, answer, abort) {
  const body = form.elements.body?.value;
  const url = urlOf(operation, form);
  const head = el("div", { class: "line" }, "…");
  answer.replaceChildren(head);
  const response = await fetch(url, { method: operation.method.toUpperCase(), headers: headersOf(operation, form), body, signal: abort.signal });
  head.replaceChildren(el("span", { class: `status s${String(response.status)[0]}` }, `${response.status} ${response.statusText}`), el("span", { class: "type" }, url));
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  answer.append(folded([el("span", { class: "type" }, "headers")], () => code(headers)));
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) return follow(response, answer);
  const text = await response.text();
  answer.append(isJson(text) ? asWritten(text) : code(text.slice(0, 20_000)));
}

async function follow(response, answer) {
  const shown = code("");
  answer.append(shown);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    // The newest are enough: a feed never ends.
    shown.textContent = (shown.textContent + part.value).slice(-20_000);
    shown.scrollTop = shown.scrollHeight;
  }
}

function bodyOf(operation) {
  const media = operation.requestBody?.content;
  if (!media) return [];
  const text = el("textarea", { name: "body", "aria-label": "Body", spellcheck: "false" });
  const type = el("select", { name: "type", "aria-label": "Type of the body" }, Object.keys(media).map((name) => el("option", {}, name)));
  const example = el("select", { "aria-label": "Example" });
  const fill = () => { text.value = written(examples(media[type.value])[Number(example.value)].value, type.value); };
  const list = () => { example.replaceChildren(...examples(media[type.value]).map(({ summary }, n) => el("option", { value: n }, summary))); fill(); };
  type.addEventListener("change", list);
  example.addEventListener("change", fill);
  list();
  // One type is no choice, but it is sent.
  type.hidden = type.options.length === 1;
  return [el("div", { class: "row" }, example, type), el("div", { class: "row" }, text)];
}

function tryIt(operation) {
  const answer = el("div", { class: "answer", "aria-live": "polite" });
  const button = el("button", {}, "Send");
  const stop = el("button", { type: "button", class: "quiet", hidden: true }, "Stop");
  const labelled = (parameter) => el("label", {}, el("span", {}, parameter.name), input(parameter));
  const [main, more] = [[], []];
  for (const parameter of operation.parameters) (parameter.required ? main : more).push(labelled(parameter));
  const form = el("form", { class: "try", "aria-label": `Try ${operation.summary}` },
    el("h3", {}, "Try it"), main,
    more.length && folded([el("span", { class: "type" }, `${more.length} optional parameter${more.length > 1 ? "s" : ""}`)], () => more),
    bodyOf(operation), el("div", { class: "row" }, button, stop), answer);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const abort = new AbortController();
    stop.hidden = false;
    button.disabled = true;
    stop.onclick = () => abort.abort();
    try { await send(operation, form, answer, abort); }
    catch (error) { answer.append(el("p", { class: "type" }, abort.signal.aborted ? "Stopped." : `No answer: ${error.message}`)); }
    stop.hidden = true;
    button.disabled = false;
  });
  return form;
}
