"""A timer by the client that openapi-python-client makes."""

import os

from attrs_client import AuthenticatedClient
from attrs_client.api.timer import cancel_timer, change_timer, create_timer, get_timer
from attrs_client.api.timers import cancel_timers, list_timers
from attrs_client.models import BulkCancellation, Delivery, Headers, Metadata, Method, Problem, State
from attrs_client.models import Timer, TimerChange, TimerCreation, TimerFields, TimerPage

URL = "http://127.0.0.1:8099/"
label = f"attrs-{os.getpid()}"


def labelled(name: str) -> Metadata:
    return Metadata.from_dict({"client": name})


with AuthenticatedClient(base_url=os.environ["JETTIMER_URL"], token=os.environ["JETTIMER_TOKEN"]) as http:
    other = create_timer.sync(client=http, body=TimerCreation(delay="1h", url=URL, metadata=labelled("another")))
    created = create_timer.sync(
        client=http,
        body=TimerCreation(
            delay="1h",
            url=URL,
            method=Method.PUT,
            delivery=Delivery.AT_LEAST_ONCE,
            timeout="7s",
            headers=Headers.from_dict({"x-order": "4711"}),
            body={"order": 4711},
            metadata=labelled(label),
        ),
        idempotency_key=label,
    )
    assert isinstance(other, TimerFields) and isinstance(created, TimerFields), (other, created)
    changed = change_timer.sync(created.id, client=http, body=TimerChange(url=URL + "other"))
    for shown in (changed, get_timer.sync(created.id, client=http)):
        assert isinstance(shown, Timer) and shown.url == URL + "other", shown
        assert (shown.method, shown.delivery, shown.timeout) == (Method.PUT, Delivery.AT_LEAST_ONCE, "7s"), shown
        assert (shown.body, shown.due_at) == ({"order": 4711}, created.due_at), shown
        assert isinstance(shown.headers, object) and shown.to_dict()["headers"] == {"x-order": "4711"}, shown

    while True:
        page = list_timers.sync(client=http, metadata=[f"client={label}"], host="127.0.0.1:8099")
        assert isinstance(page, TimerPage), page
        # The index trails the records by milliseconds.
        if page.timers:
            break
    assert [one.id for one in page.timers] == [created.id], page
    meant = cancel_timers.sync(client=http, state=[State.SCHEDULED], metadata=[f"client={label}"], dry_run=True)
    assert isinstance(meant, BulkCancellation) and (meant.matched, meant.cancelled) == (1, 0), meant
    cancelled = cancel_timer.sync(created.id, client=http)
    assert isinstance(cancelled, Timer) and cancelled.state == State.CANCELLED, cancelled
    kept = get_timer.sync(other.id, client=http)
    assert isinstance(kept, Timer) and kept.state == State.SCHEDULED, kept
    refused = create_timer.sync(client=http, body=TimerCreation(url=URL))
    assert isinstance(refused, Problem) and refused.status == 422, refused
print("created, changed, found, counted and cancelled")
