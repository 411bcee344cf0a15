
// Showing a schema: what it takes, in words, and its fields, one below the other.

function typeOf(schema) {
  const full = whole(schema);
  if (full.enum) return ["one of ", full.enum.map((value, n) => [n ? ", " : "", el("code", {}, String(value))])];
  if (full.anyOf && !full.type) return full.anyOf.map((part, n) => [n ? " or " : "", typeOf(part)]);
  const types = [full.type].flat().filter(Boolean);
  if (types.includes("array") && full.items) return ["array of ", typeOf(full.items)];
  const name = types.join(" or ") || "any JSON";
  const format = full.format && !full.format.includes("jettimer") ? ` (${full.format})` : "";
  return [name + format];
}

function limitsOf(schema) {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, maxProperties, default: standard } = whole(schema);
  const number = (value) => value.toLocaleString("en");
  const range = (least, most, what) =>
    least === undefined && most === undefined ? "" :
    most === undefined ? `${number(least)}${what} or more` :
    least === undefined ? `at most ${number(most)}${what}` : `${number(least)} to ${number(most)}${what}`;
  return [
    range(minimum, maximum, ""), range(minLength, maxLength, " characters"), range(minItems, maxItems, " items"),
    range(undefined, maxProperties, " entries"), standard === undefined ? "" : `default ${standard}`,
  ].filter(Boolean);
}

function typeLine(schema) {
  const limits = limitsOf(schema);
  return el("span", { class: "type" }, typeOf(schema), limits.length ? ` · ${limits.join(" · ")}` : "");
}

// The object inside, if the schema is one or a list of such.
function objectIn(schema) {
  const full = whole(schema);
  if (full.properties && Object.keys(full.properties).length) return full;
  if (full.items) return objectIn(full.items);
  return full.anyOf?.map(objectIn).find(Boolean);
}

function field(name, schema, required) {
  const inside = objectIn(schema);
  const description = schema.description ?? whole(schema).description;
  return [
    el("dt", {}, name, required && el("small", {}, "required")),
    el("dd", {}, typeLine(schema), description && el("p", {}, prose(description)),
      inside && folded([el("span", { class: "type" }, "its fields")], () => fields(inside))),
  ];
}

function fields(object) {
  const required = new Set(object.required);
  const entries = Object.entries(object.properties);
  return el("dl", { class: "fields" }, entries.map(([name, schema]) => field(name, schema, required.has(name))));
}

// A schema as the content of a body.
function content(schema) {
  const object = objectIn(schema);
  const full = whole(schema);
  return [
    full.description && el("p", {}, prose(full.description)),
    full.items && el("p", {}, typeLine(schema)),
    object ? fields(object) : !full.items && el("p", {}, typeLine(schema)),
  ].filter(Boolean);
}
