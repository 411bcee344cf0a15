"""A timer by the client that openapi-generator makes for Python."""

import os
from datetime import datetime, timedelta, timezone

from openapi_client import ApiClient, ApiException, Configuration, Delivery, Method, Retry, State, StatusName
from openapi_client import TimerApi, TimerChange, TimerCreation, TimersApi

URL = "http://127.0.0.1:8099/"
label = f"pydantic-{os.getpid()}"

settings = Configuration(host=os.environ["JETTIMER_URL"], access_token=os.environ["JETTIMER_TOKEN"])
with ApiClient(settings) as http:
    timer, timers = TimerApi(http), TimersApi(http)
    other = timer.create_timer(TimerCreation(delay="1h", url=URL, metadata={"client": "another"}))
    created = timer.create_timer(
        TimerCreation(
            at=datetime.now(timezone.utc) + timedelta(hours=1),
            url=URL,
            method=Method.PUT,
            delivery=Delivery.AT_LEAST_ONCE,
            timeout="7s",
            headers={"x-order": "4711"},
            body={"order": 4711},
            metadata={"client": label},
            retry=Retry(max_attempts=3, statuses=[StatusName(429), StatusName("5xx")]),
        ),
        idempotency_key=label,
    )
    changed = timer.change_timer(created.id, TimerChange(url=URL + "other"))
    for shown in (changed, timer.get_timer(created.id)):
        assert shown.url == URL + "other", shown
        assert (shown.method, shown.delivery, shown.timeout) == (Method.PUT, Delivery.AT_LEAST_ONCE, "7s"), shown
        assert (shown.headers, shown.body, shown.due_at) == ({"x-order": "4711"}, {"order": 4711}, created.due_at), shown
        assert (shown.retry.max_attempts, shown.retry.statuses) == (3, ["429", "5xx"]), shown

    # The index trails the records by milliseconds.
    while not (page := timers.list_timers(metadata=[f"client={label}"], host="127.0.0.1:8099")).timers:
        pass
    assert [one.id for one in page.timers] == [created.id], page
    meant = timers.cancel_timers(state=[State.SCHEDULED], metadata=[f"client={label}"], dry_run=True)
    assert (meant.matched, meant.cancelled) == (1, 0), meant
    assert timer.cancel_timer(created.id).state == State.CANCELLED
    assert timer.get_timer(other.id).state == State.SCHEDULED
    try:
        timer.create_timer(TimerCreation(delay="1h", at=created.due_at, url=URL))
        raise AssertionError("two ways to say when are refused")
    except ApiException as refused:
        # Which type an answer has is looked up by its status, so that types know nothing of it.
        assert refused.status == 422 and refused.data, refused
        assert [error.pointer for error in refused.data.errors] == ["/delay", "/at"], refused
print("created, changed, found, counted and cancelled")
