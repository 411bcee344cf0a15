
// Reading the OpenAPI document: references, operations, and examples.

let openapi;

function at(reference) {
  const parts = reference.slice(2).split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return parts.reduce((value, part) => value[part], openapi);
}

function resolve(value) {
  return value?.$ref ? at(value.$ref) : value;
}

function nameOf(reference) {
  return reference.split("/").pop();
}

// A schema with its reference and its `allOf` taken in; words of its own go before those of its parts.
function whole(schema) {
  const parts = [schema?.$ref && at(schema.$ref), ...(schema?.allOf ?? [])].filter(Boolean).map(whole);
  const merged = { ...Object.assign({}, ...parts), ...schema };
  const properties = Object.assign({}, ...parts.map((part) => part.properties), schema?.properties);
  if (Object.keys(properties).length) merged.properties = properties;
  merged.required = [...parts.flatMap((part) => part.required ?? []), ...(schema?.required ?? [])];
  return merged;
}

function rank(parameter) {
  return parameter.in === "path" ? 0 : parameter.name === "x-request-id" ? 2 : 1;
}

function operations() {
  return Object.entries(openapi.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => method !== "parameters")
      .map(([method, operation]) => ({
        ...operation, path, method,
        // The request's id is last, since everything takes it.
        parameters: [...(operation.parameters ?? []), ...(item.parameters ?? [])].map(resolve).sort((a, b) => rank(a) - rank(b)),
        scope: operation.security?.[0]?.token?.[0],
      })),
  );
}

// The examples of a media type, each with a name for people; without any, that of its schema.
function examples(media) {
  if (media.examples) {
    return Object.entries(media.examples).map(([name, example]) => ({ name, ...resolve(example) }));
  }
  const value = media.example ?? whole(media.schema).examples?.[0];
  return value === undefined ? [] : [{ summary: "Example", value }];
}

// An example as it is sent: JSON, or a JSON text a line.
function written(value, mediaType) {
  if (typeof value === "string") return value;
  if (mediaType.endsWith("ndjson")) return value.map((item) => JSON.stringify(item)).join("\n");
  return JSON.stringify(value, null, 2);
}
