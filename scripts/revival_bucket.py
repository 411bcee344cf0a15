"""The ways of writing a key-value bucket that scripts/broker-revival compares, and the bucket itself.

A record is 1.2 KB on disk, as one of a timer with a body of 900 bytes is. Each write is a compare-and-swap, as jettimer's are.
"""

import dataclasses
import json
import re

STREAM = "KV_timers"
# What a record of a timer with a body of 900 bytes is long, in bytes.
RECORD_BYTES = 1_150
# The headers of a creation, as the server stores them.
HEAD = "NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: 0\r\n\r\n"
# The time to live of the last version, in seconds.
TTL_S = 2


@dataclasses.dataclass(frozen=True)
class Variant:
    """A way of writing the bucket."""

    says: str
    history: int = 1
    # Which overwrites carry `Nats-Rollup: sub`.
    rollup: tuple = ()
    # How the last version leaves: by its time to live, or by a purge of its subject.
    leaves: str = "ttl"
    # Whether earlier versions are purged when the last one is written, or erased one by one after each overwrite.
    purge_earlier: bool = False
    erase: bool = False
    # After how many creations a record is written that stays; 0 for none.
    anchor_every: int = 0
    # Whether all records that stay are written again once the others have left.
    rewrite: bool = False
    # Further settings of the stream.
    stream: dict = dataclasses.field(default_factory=dict)


ALL = ("firing", "delivered")
VARIANTS = {
    "plain": Variant("history 1, TTL on the last version"),
    "rollup-1": Variant("history 1, rollup on each overwrite", rollup=ALL),
    "rollup-2": Variant("history 2, rollup on each overwrite", 2, ALL),
    "rollup-64": Variant("history 64, rollup on each overwrite", 64, ALL),
    "last-64": Variant("history 64, rollup on the last overwrite only", 64, ("delivered",)),
    "purge-64": Variant("history 64, earlier versions purged at the end", 64, purge_earlier=True),
    "purge-all-64": Variant("history 64, the subject purged instead of TTL", 64, leaves="purge"),
    "erase-2": Variant("history 2, each old version erased", 2, erase=True, stream={"deny_delete": False}),
    "marker-2": Variant("rollup-2, delete markers for 1 s", 2, ALL, stream={"subject_delete_marker_ttl": 1_000_000_000}),
    "s2-2": Variant("rollup-2, compressed blocks", 2, ALL, stream={"compression": "s2"}),
    "anchor-2": Variant("rollup-2, each 64th record stays", 2, ALL, anchor_every=64),
    "rewrite-1": Variant("history 1, records that stay are written again", rewrite=True),
    "rewrite-2": Variant("rollup-2, records that stay are written again", 2, ALL, rewrite=True),
    "older-firing-2": Variant("rollup-2, an older node writes `firing`", 2, ("delivered",)),
    "older-last-2": Variant("rollup-2, an older node writes the last version", 2, ("firing",)),
    "older-last-64": Variant("rollup-64, an older node writes the last version", 64, ("firing",)),
}


def subject(key):
    return f"$KV.timers.{key:036d}"


class Bucket:
    """The stream, and how a variant writes to it."""

    def __init__(self, client, variant):
        self.client, self.variant, self.revision = client, variant, {}

    def config(self, history):
        return {
            "name": STREAM, "subjects": ["$KV.timers.>"], "retention": "limits", "storage": "file", "num_replicas": 1,
            "max_msgs_per_subject": history, "max_msgs": -1, "max_bytes": -1, "discard": "new", "allow_msg_ttl": True,
            "allow_rollup_hdrs": True, "allow_direct": True, "deny_delete": True, **self.variant.stream,
        }  # fmt: skip

    async def create(self):
        await self.client.api(f"STREAM.CREATE.{STREAM}", self.config(self.variant.history))

    async def update(self, history):
        await self.client.api(f"STREAM.UPDATE.{STREAM}", self.config(history))

    async def put(self, key, state, ttl=None):
        """Writes a version of a record, if the last one is the one that was written before."""
        headers = {"Nats-Expected-Last-Subject-Sequence": self.revision.get(key, 0)}
        if state in self.variant.rollup:
            headers["Nats-Rollup"] = "sub"
        if ttl:
            headers["Nats-TTL"] = f"{ttl}s"
        record = json.dumps({"state": state}).encode().ljust(RECORD_BYTES)
        answer = await self.client.answer(subject(key), record, headers)
        if self.variant.erase and state in ALL:
            await self.client.api(f"STREAM.MSG.DELETE.{STREAM}", {"seq": self.revision[key], "no_erase": False})
        self.revision[key] = answer["seq"]

    async def finish(self, key, ttl=TTL_S):
        """A timer fires and is over."""
        await self.put(key, "firing")
        await self.put(key, "delivered", ttl if self.variant.leaves == "ttl" else None)
        if self.variant.purge_earlier:
            await self.purge(key, keep=1)

    async def purge(self, key, keep):
        await self.purge_subject(subject(key), keep)

    async def purge_subject(self, name, keep):
        filtered = {"filter": name}
        await self.client.api(f"STREAM.PURGE.{STREAM}", {**filtered, "keep": keep} if keep else filtered)

    async def state(self, key):
        """What the last version of a record says, or nothing if there is none."""
        head, body = await self.client.request(f"$JS.API.DIRECT.GET.{STREAM}.{subject(key)}")
        if head.startswith(b"NATS/1.0 404") or b"Nats-Marker-Reason" in head:
            return None
        return json.loads(body)["state"]

    async def look(self, key):
        """Learns which version of a record is the last."""
        head, _ = await self.client.request(f"$JS.API.DIRECT.GET.{STREAM}.{subject(key)}")
        self.revision[key] = int(re.search(rb"Nats-Sequence: (\d+)", head)[1])

    async def messages(self):
        return (await self.client.api(f"STREAM.INFO.{STREAM}"))["state"]["messages"]

    async def doubles(self):
        """The subjects that have more than one version."""
        state = (await self.client.api(f"STREAM.INFO.{STREAM}", {"subjects_filter": ">"}))["state"]
        return [name for name, versions in state.get("subjects", {}).items() if versions > 1]
