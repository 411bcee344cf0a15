"""What schemathesis cannot know from the OpenAPI document: rules that JSON Schema has no words for.

It is loaded by scripts/fuzz-api. Each rule here narrows what is *generated as good*, so that a refusal of
good data is a finding; nothing here loosens a check. What is generated as bad stays as it is.
"""

import itertools
import json
import re
from datetime import datetime, timedelta, timezone

import schemathesis
from hypothesis import strategies as st

# Nobody calls these: the node is started with --role api. They are on loopback all the same, which it allows.
URLS = ["http://127.0.0.1:8099/", "https://localhost:8443/hook?a=b%20c#d", "HTTP://[::1]:8099/%C3%A9"]

# Lengths that each field with a duration takes, shortest to longest 100 ms to 10 min.
DURATIONS = ["100ms", "1s", "1m 30s", "2min", "0.1h 0s 1ms", "PT1M", "PT0,5S", "pt2m3s", "10m"]

NOW = datetime.now(timezone.utc).replace(microsecond=0)
OFFSETS = [timezone.utc, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-8))]

# An instant in the past is refused, and a document cannot say which those are.
schemathesis.openapi.format(
    "date-time",
    st.builds(
        lambda seconds, offset: (NOW + timedelta(seconds=seconds)).astimezone(offset).isoformat(),
        st.integers(3_600, 9 * 365 * 86_400),
        st.sampled_from(OFFSETS),
    ),
)
schemathesis.openapi.format("url-of-jettimer", st.sampled_from(URLS))
schemathesis.openapi.format("duration-of-jettimer", st.sampled_from(DURATIONS))
schemathesis.openapi.format(
    "host-of-jettimer", st.sampled_from(["localhost", "EXAMPLE.com.", "127.1", "::1", "[::1]:8099", "b\u00fccher.example:443"])
)

# Names of headers that belong to the connection or to jettimer.
RESERVED = re.compile(
    r"connection|content-length|expect|host|http2-settings|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade"
    r"|idempotency-key|(webhook|jettimer)-.*"
)

# Each number is a creation with an idempotency key of its own: one that was used for another is refused.
KEYS = itertools.count()

# The cursor of each next page that was answered, with the query that it belongs to.
PAGES = {}


@schemathesis.serializer("application/x-ndjson")
def lines(_ctx, value):
    """One JSON text a line, as OpenAPI 3.2 has it for a sequence; what is no sequence, as it is."""
    items = value if isinstance(value, list) else [value]
    return "".join(json.dumps(item) + "\n" for item in items).encode()


def backoffs_in_order(retry):
    """`initial_backoff` must not be longer than `max_backoff`."""
    both = [retry.get(name) for name in ("initial_backoff", "max_backoff")]
    if all(length in DURATIONS for length in both):
        retry["max_backoff"] = retry["initial_backoff"]


def within_the_horizon(creation):
    """Hours, minutes and seconds are limited one by one in the document, and as their sum by the node."""
    given = [name for name in ("hours", "minutes", "seconds") if isinstance(creation.get(name), (int, float))]
    if len(given) > 1:
        for name in given:
            creation[name] //= len(given)


def ahead(creation):
    """Instants that the node has answered are sent back to it, and may be over by then."""
    at = creation.get("at")
    if isinstance(at, str) and datetime.fromisoformat(at) < datetime.now(timezone.utc):
        creation["at"] = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()


def with_a_method(change):
    """Whether a new body can be sent is up to the method, which is the timer's own if the change names none."""
    if any(name in change for name in ("body", "body_text", "body_base64")):
        change.setdefault("method", "POST")


def headers_that_can_be_chosen(creation):
    """The document has reserved names in lower case; a pattern of both cases would be for nobody to read."""
    headers = creation.get("headers")
    if isinstance(headers, dict):
        lower = {name.lower(): value for name, value in headers.items()}
        creation["headers"] = {name: value for name, value in lower.items() if not RESERVED.fullmatch(name)}


def one_value_each(query):
    """A label has one value, so a key that is there twice is refused."""
    labels = query.get("metadata")
    if isinstance(labels, list):
        query["metadata"] = list({label.split("=", 1)[0]: label for label in labels}.values())


def good(case):
    return case.meta is not None and not case.meta.generation.mode.is_negative


@schemathesis.hook
def before_call(_ctx, case, _kwargs):
    """Makes good data good where that depends on more than one field, or on what was there before."""
    if not good(case):
        return
    bodies = case.body if isinstance(case.body, list) else [case.body]
    for body in bodies:
        if isinstance(body, dict):
            within_the_horizon(body)
            ahead(body)
            headers_that_can_be_chosen(body)
            if "idempotency_key" in body:
                body["idempotency_key"] = f"fuzz-{next(KEYS)}"
            if case.method == "PATCH":
                with_a_method(body)
            if isinstance(body.get("retry"), dict):
                backoffs_in_order(body["retry"])
    if case.headers and "idempotency-key" in case.headers:
        case.headers["idempotency-key"] = f"fuzz-{next(KEYS)}"
    # This release gives any header that has a pattern the value 0 when it tries limits, and calls it good.
    if case.headers and case.headers.get("if-match") == "0":
        case.headers["if-match"] = "*"
    if case.query:
        one_value_each(case.query)
    # A cursor is what a page gave, for the same filter and order; one that was made up is refused.
    if case.query and "cursor" in case.query:
        page = PAGES.get(case.query.pop("cursor"))
        if page:
            case.query.clear()
            case.query.update(page)


@schemathesis.hook
def after_call(_ctx, case, response):
    """Keeps cursors."""
    if case.operation.definition.raw.get("operationId") == "listTimers" and response.status_code == 200:
        cursor = json.loads(response.content)["next"]
        if cursor:
            PAGES[cursor] = {**case.query, "cursor": cursor}
