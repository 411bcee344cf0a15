// A receiver of jettimer's webhooks, with Node's own modules alone (20 or newer).
//
//     WEBHOOK_SECRETS=whsec_… node receiver.mjs 9000
//
// `verify` is what to copy: it takes the body as it came, byte for byte, before anybody has parsed it (with Express:
// express.raw). The library `standardwebhooks` from npm does the same. While a secret is rotated, WEBHOOK_SECRETS has both,
// separated by a space.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE = 5 * 60; // seconds that a webhook may be old, or this clock be behind
const MAX_BODY = 1024 * 1024; // bytes; more is not read
const secrets = process.env.WEBHOOK_SECRETS.split(/\s+/)
  .filter(Boolean)
  .map((secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64"));

/** The id of a webhook that one of the secrets has signed lately; throws if there is none. */
export function verify(headers, body) {
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  if (!id || !/^\d{1,12}$/.test(timestamp ?? "")) throw new Error("no webhook-id, or no webhook-timestamp");
  // The timestamp is signed too, so that who has overheard a webhook cannot send it again next week.
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE) throw new Error("too old, or from the future");
  const wanted = secrets.map((secret) =>
    createHmac("sha256", secret).update(`${id}.${timestamp}.`).update(body).digest(),
  );
  // One for each secret of the sender, such as `v1,<base64> v1a,<base64>`; this example knows v1.
  for (const signature of (headers["webhook-signature"] ?? "").split(" ")) {
    const [version, text = ""] = signature.split(",", 2);
    const given = Buffer.from(text, "base64");
    // timingSafeEqual takes as long for a wrong first byte as for a wrong last one. It wants equal lengths.
    const fits = wanted.map((digest) => given.length === digest.length && timingSafeEqual(given, digest));
    if (version === "v1" && fits.includes(true)) return id;
  }
  throw new Error("no signature that fits");
}

// What is being or was handled. In a real service: a row with the id as its key, in the transaction of the work itself.
const done = new Map();

/** Does the work for an id once; whoever comes meanwhile waits for the first. Says whether this was the first. */
async function once(id, work) {
  const before = done.get(id);
  if (before) {
    await before;
    return false;
  }
  const doing = work();
  done.set(id, doing);
  try {
    await doing;
  } catch (error) {
    done.delete(id); // answered with 500, and jettimer may try again
    throw error;
  }
  if (done.size > 100_000) done.delete(done.keys().next().value);
  return true;
}

async function handle(id, payload) {
  console.log("handled:", id, JSON.stringify(payload));
}

async function read(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > MAX_BODY) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function receive(request) {
  if (request.method !== "POST") return 405;
  const body = await read(request);
  if (body === null) return 413;
  let id;
  try {
    id = verify(request.headers, body);
  } catch (why) {
    console.log("refused:", why.message);
    return 401;
  }
  const first = await once(id, async () => handle(id, JSON.parse(body)));
  if (!first) console.log("again:", id);
  // 2xx both times: the second is no failure, and jettimer is to stop.
  return 204;
}

const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
  receive(request)
    .catch((error) => {
      console.error("failed:", error.message);
      return 500;
    })
    .then((status) => response.writeHead(status, { connection: "close" }).end());
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`listening on ${address}:${port}`);
});
