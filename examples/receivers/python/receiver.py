"""A receiver of jettimer's webhooks, with Python's standard library alone (3.11 or newer).

    WEBHOOK_SECRETS=whsec_… python3 receiver.py 9000

`verify` is what to copy: it takes the body as it came, byte for byte, before anybody has parsed it. The library
`standardwebhooks` from PyPI does the same. While a secret is rotated, WEBHOOK_SECRETS has both, separated by a space.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

TOLERANCE = 5 * 60  # seconds that a webhook may be old, or this clock be behind
MAX_BODY = 1024 * 1024  # bytes; more is not read
SECRETS = [base64.b64decode(secret.removeprefix("whsec_")) for secret in os.environ["WEBHOOK_SECRETS"].split()]


class Refused(Exception):
    """Why a webhook is not jettimer's, or not of now."""


def verify(headers, body: bytes) -> str:
    """The id of a webhook that one of the secrets has signed lately."""
    webhook_id, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
    if not webhook_id or not timestamp or not timestamp.isascii() or not timestamp.isdigit():
        raise Refused("no webhook-id, or no webhook-timestamp")
    # The timestamp is signed too, so that who has overheard a webhook cannot send it again next week.
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        raise Refused("too old, or from the future")
    signed = b".".join([webhook_id.encode(), timestamp.encode(), body])
    wanted = [hmac.digest(secret, signed, hashlib.sha256) for secret in SECRETS]
    # One for each secret of the sender, such as `v1,<base64> v1a,<base64>`; this example knows v1.
    for signature in headers.get("webhook-signature", "").split():
        version, _, text = signature.partition(",")
        try:
            given = base64.b64decode(text, validate=True)
        except ValueError:
            continue
        # compare_digest takes as long for a wrong first byte as for a wrong last one.
        if version == "v1" and any([hmac.compare_digest(given, digest) for digest in wanted]):
            return webhook_id
    raise Refused("no signature that fits")


class Done:
    """What was handled before. In a real service: a row with the id as its key, in the transaction of the work itself."""

    def __init__(self):
        self.lock, self.ids = Lock(), {}

    def once(self, webhook_id, work) -> bool:
        # Held during the work, so that the same webhook that comes again meanwhile waits and then finds it done.
        with self.lock:
            if webhook_id in self.ids:
                return False
            work()  # what it throws is answered with 500, and jettimer may try again
            self.ids[webhook_id] = None
            if len(self.ids) > 100_000:
                del self.ids[next(iter(self.ids))]
            return True


class Receiver(BaseHTTPRequestHandler):
    done = Done()
    timeout = 10  # seconds that a sender may take for each part

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > MAX_BODY:
            return self.answer(413)
        body = self.rfile.read(int(length))
        try:
            webhook_id = verify(self.headers, body)
        except Refused as why:
            print("refused:", why, flush=True)
            return self.answer(401)
        try:
            first = self.done.once(webhook_id, lambda: handle(webhook_id, json.loads(body)))
        except Exception as error:
            print("failed:", error, flush=True)
            return self.answer(500)
        if not first:
            print("again:", webhook_id, flush=True)
        # 2xx both times: the second is no failure, and jettimer is to stop.
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True

    def log_message(self, *_):
        pass


def handle(webhook_id, payload):
    print("handled:", webhook_id, json.dumps(payload), flush=True)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print("listening on {}:{}".format(*server.server_address), flush=True)
    server.serve_forever()
