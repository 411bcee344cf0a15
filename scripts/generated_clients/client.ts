// A timer by openapi-fetch and the types that openapi-typescript makes.

import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { env: { JETTIMER_URL: string, JETTIMER_TOKEN: string }, pid: number };

const URL = "http://127.0.0.1:8099/";
const label = `typescript-${process.pid}`;
const client = createClient<paths>({ baseUrl: process.env.JETTIMER_URL, headers: { authorization: `Bearer ${process.env.JETTIMER_TOKEN}` } });

/** What was answered; a problem is an error. */
function done<T>({ data, error }: { data?: T, error?: unknown }): T {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data;
}

function check(holds: boolean, shown: unknown) {
  if (!holds) throw new Error(JSON.stringify(shown));
}

const other = done(await client.POST("/timer", { body: { delay: "1h", url: URL, metadata: { client: "another" } } }));
const created = done(await client.POST("/timer", {
  params: { header: { "idempotency-key": label } },
  body: { delay: "1h", url: URL, method: "PUT", delivery: "at_least_once", timeout: "7s", headers: { "x-order": "4711" }, body: { order: 4711 },
    metadata: { client: label }, retry: { max_attempts: 3, statuses: [429, "5xx"] } },
}));
const path = { id: created.id };
const changed = done(await client.PATCH("/timer/{id}", { params: { path }, body: { url: `${URL}other` } }));
for (const shown of [changed, done(await client.GET("/timer/{id}", { params: { path } }))]) {
  check(shown.url === `${URL}other` && shown.method === "PUT" && shown.delivery === "at_least_once" && shown.timeout === "7s", shown);
  check(shown.due_at === created.due_at && shown.headers?.["x-order"] === "4711" && shown.retry.max_attempts === 3, shown);
}

const metadata = [`client=${label}`];
let page;
do {
  // The index trails the records by milliseconds.
  page = done(await client.GET("/timers", { params: { query: { metadata, host: "127.0.0.1:8099" } } }));
} while (page.timers.length === 0);
check(page.timers.length === 1 && page.timers[0]?.id === created.id, page);
const meant = done(await client.DELETE("/timers", { params: { query: { state: ["scheduled"], metadata, dry_run: true } } }));
check(meant.matched === 1 && meant.cancelled === 0, meant);
check(done(await client.DELETE("/timer/{id}", { params: { path } })).state === "cancelled", created);
check(done(await client.GET("/timer/{id}", { params: { path: { id: other.id } } })).state === "scheduled", other);
const refused = await client.POST("/timer", { body: { url: URL } });
check(refused.error?.status === 422, refused.error);
console.log("created, changed, found, counted and cancelled");
