"""One nats-server for a measurement, and a small client of it: the NATS protocol over a socket, and JSON requests to JetStream.

Python's standard library only. The client pipelines: each request is a coroutine, and many of them may wait at a time.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import tempfile
from pathlib import Path

# In seconds: how long a server may take to be ready, and how long it may owe a reply.
READY_WITHIN = 30
REPLY_WITHIN = 30
ENDED = "the server has closed the connection"


class Refused(Exception):
    """JetStream answered a request with an error."""


class Server:
    """A nats-server with a data directory of its own, which a SIGKILL does not empty."""

    def __init__(self, binary, sync_interval):
        self.binary = binary
        self.home = tempfile.TemporaryDirectory(prefix="broker-revival-")
        self.path = Path(self.home.name)
        config = f'jetstream {{ store_dir: "{self.path}/data", sync_interval: {sync_interval} }}\n'
        (self.path / "server.conf").write_text(config)

    async def start(self):
        """Starts the server on a free port; gives a client of it."""
        ports = self.path / "ports"
        ports.mkdir(exist_ok=True)
        for old in ports.iterdir():
            old.unlink()
        with open(self.path / "server.log", "a") as log:
            args = ["--config", self.path / "server.conf", "--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir", ports]
            self.process = await asyncio.create_subprocess_exec(self.binary, *args, stdout=log, stderr=log)
        async with asyncio.timeout(READY_WITHIN):
            while True:
                with contextlib.suppress(StopIteration, ValueError, KeyError, OSError, Refused):
                    urls = json.loads(next(ports.iterdir()).read_text())["nats"]
                    client = await Client.connect("127.0.0.1", int(urls[0].rsplit(":", 1)[1]))
                    await client.api("INFO")
                    return client
                if self.process.returncode is not None:
                    raise SystemExit((self.path / "server.log").read_text())
                await asyncio.sleep(0.02)

    async def kill(self):
        """SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    def cpu_us(self):
        """The processor time that the server has used since it started, in microseconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1_000_000 // os.sysconf("SC_CLK_TCK")

    def disk_bytes(self):
        """The size of all blocks of messages."""
        return sum(block.stat().st_size for block in self.path.glob("data/**/*.blk"))


class Client:
    """A connection. Replies come to one wildcard inbox; the last token of a reply's subject names the request."""

    @classmethod
    async def connect(cls, host, port):
        self = cls()
        self.waiting = {}
        self.next = 0
        self.ended = False
        self.reader, self.writer = await asyncio.open_connection(host, port, limit=1 << 20)
        self.writer.write(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB _INBOX.r.* 1\r\n')
        self.task = asyncio.create_task(self._read())
        return self

    async def _read(self):
        """Gives each message to the request that waits for it. When the connection ends, all that wait are told."""
        try:
            while line := await self.reader.readline():
                if line.startswith(b"PING"):
                    self.writer.write(b"PONG\r\n")
                elif line.startswith((b"MSG", b"HMSG")):
                    words = line.split()
                    payload = (await self.reader.readexactly(int(words[-1]) + 2))[:-2]
                    head = int(words[-2]) if words[0] == b"HMSG" else 0
                    reply = self.waiting.pop(int(words[1].rsplit(b".", 1)[1]), None)
                    if reply and not reply.done():
                        reply.set_result((payload[:head], payload[head:]))
        except (OSError, asyncio.IncompleteReadError):
            pass
        self.ended = True
        for reply in self.waiting.values():
            if not reply.done():
                reply.set_exception(ConnectionError(ENDED))

    async def request(self, subject, payload=b"", headers=None):
        """Sends a message; gives headers and payload of the reply."""
        if self.ended or self.writer.is_closing():
            raise ConnectionError(ENDED)
        self.next += 1
        reply = self.waiting[self.next] = asyncio.get_running_loop().create_future()
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"NATS/1.0\r\n{lines}\r\n".encode() if headers else b""
        verb, sizes = ("HPUB", f"{len(head)} {len(head) + len(payload)}") if headers else ("PUB", f"{len(payload)}")
        self.writer.write(f"{verb} {subject} _INBOX.r.{self.next} {sizes}\r\n".encode() + head + payload + b"\r\n")
        return await asyncio.wait_for(reply, REPLY_WITHIN)

    async def answer(self, subject, payload=b"", headers=None):
        """A request whose reply is JSON, as a publish to a stream is and all that JetStream is asked."""
        head, body = await self.request(subject, payload, headers)
        if re.match(rb"NATS/1.0 \d", head):
            raise Refused(f"{subject}: {head.decode().strip()}")
        answer = json.loads(body)
        if "error" in answer:
            raise Refused(f"{subject}: {answer['error']}")
        return answer

    async def api(self, subject, body=None):
        return await self.answer("$JS.API." + subject, json.dumps(body).encode() if body is not None else b"")

    async def close(self):
        self.writer.close()
        await self.task
