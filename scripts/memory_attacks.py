"""Takes as much of a node's memory as a client can, in one way, and asks the node small things meanwhile.

memory_attacks.py HOST:PORT PID ATTACK [SCALE]: the attack is bulk, bodies, lists, feed or heads, ten times what took more than a
gigabyte once, or a SCALE-th of that. The node needs no token, so that who attacks is told from others by its address: 127.0.1.1 and
following. Fails if the node takes more than 256 MiB above what it had, or if the 99th percentile of the small requests is over 50 ms
(P99_MS).
"""

import asyncio
import json
import multiprocessing
import os
import resource
import socket
import sys
import time

MIB = 1024 * 1024
MOST_MIB = 256
P99_MS = float(os.environ.get("P99_MS", "50"))
# In seconds: how long an attack goes on once all of it is there.
HOLD = 5
# In seconds: how long it may take to get there.
PATIENCE = 90


def memory(pid: int, what: str) -> float:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith(what + ":"))
    return int(line.split()[1]) / 1024


def request(method: str, path: str, body: bytes = b"", length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    return head.encode() + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The status and the body of an answer that says its length."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
    return int(head.split()[1]), await reader.readexactly(int(fields[b"content-length"]))


async def ask_on(host: str, port: int, stop, times) -> None:
    """Creates a small timer over and over, over one connection."""
    reader, writer = await asyncio.open_connection(host, port)
    body = json.dumps({"delay": "1h", "url": "https://example.com/"}).encode()
    taken = []
    while not stop.is_set():
        begun = time.monotonic()
        writer.write(request("POST", "/timer", body))
        status, said = await asyncio.wait_for(answer(reader), PATIENCE)
        if status != 201:
            taken = f"a small request was answered with {status}: {said[:300]!r}"
            break
        taken.append(time.monotonic() - begun)
        await asyncio.sleep(0.01)
    times.put(taken)


def healthy(host: str, port: int, stop, times) -> None:
    asyncio.run(ask_on(host, port, stop, times))


async def connect(host: str, port: int, n: int, few: bool = False):
    """A connection from one of 200 addresses, which takes little at a time if it is to have few bytes on the way."""
    link = socket.socket()
    if few:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.setblocking(False)
    link.bind((f"127.0.1.{1 + n % 200}", 0))
    await asyncio.get_running_loop().sock_connect(link, (host, port))
    return link


async def send(link: socket.socket, *parts: bytes) -> None:
    """Sends as much as is taken: who is refused is cut off meanwhile."""
    try:
        for part in parts:
            await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(link, part), PATIENCE)
    except (OSError, TimeoutError):
        pass


async def bulk(host: str, port: int, scale: int) -> str:
    """Requests of 8 MiB, whose timers have bodies of small objects."""
    head = b'{"delay":"1h","url":"https://example.com/","body":['
    item = head + b",".join([b'{"":0}'] * ((262_000 - len(head)) // 7)) + b"]}"
    body = b"[" + b",".join([item] * 31) + b"]"
    count = max(20 // scale, 2)

    async def one() -> None:
        link = await connect(host, port, 0)
        await send(link, request("POST", "/timers", b"", len(body)), body)
        try:
            await asyncio.wait_for(asyncio.get_running_loop().sock_recv(link, 65_536), PATIENCE)
        except (OSError, TimeoutError):
            pass
        link.close()

    end = time.monotonic() + HOLD
    rounds = 0
    while time.monotonic() < end or rounds == 0:
        await asyncio.gather(*(one() for _ in range(count)))
        rounds += 1
    return f"{count} requests of {len(body) / MIB:.0f} MiB at once, {rounds} times"


async def bodies(host: str, port: int, scale: int) -> str:
    """Bodies of 8 MiB but for their last byte."""
    count = 1_500 // scale
    blob = b" " * (8 * MIB - 1)

    async def one(n: int) -> socket.socket:
        link = await connect(host, port, n)
        await send(link, request("POST", "/timers", b"", 8 * MIB), blob)
        return link

    links = await asyncio.gather(*(one(n) for n in range(count)))
    await asyncio.sleep(HOLD)
    return f"{len(links)} bodies of 8 MiB without their end"


async def create_large(host: str, port: int) -> None:
    """Creates 1,000 timers with all the labels that they may have."""
    labels = {str(n): "x" * 512 for n in range(20)}
    timer = {"delay": "1h", "url": "https://example.com/", "metadata": labels}
    reader, writer = await asyncio.open_connection(host, port)
    for _ in range(2):
        writer.write(request("POST", "/timers", json.dumps([timer] * 500).encode()))
        status, _ = await answer(reader)
        if status != 200:
            sys.exit(f"timers were not created: {status}")
    writer.close()


async def feed(host: str, port: int, scale: int) -> str:
    """Readers of the feed who begin at its first event and read nothing."""
    await create_large(host, port)
    # A node has 256 readers. They come again when they are dropped.
    count = 256 // scale
    links = []
    end = time.monotonic() + 6 * HOLD
    while time.monotonic() < end:
        links.extend([await connect(host, port, n, few=True) for n in range(count)])
        for link in links[-count:]:
            await send(link, request("GET", "/timers/events?last_event_id=0"))
        await asyncio.sleep(HOLD)
    return f"{len(links)} tries of {count} readers of the feed who do not read"


async def lists(host: str, port: int, scale: int) -> str:
    """Pages of timers with all the labels that they may have, which nobody reads."""
    await create_large(host, port)
    count = 400 // scale
    links = [await connect(host, port, n, few=True) for n in range(count)]
    for link in links:
        await send(link, request("GET", "/timers?limit=1000"))
    await asyncio.sleep(HOLD)
    return f"{count} pages of 1,000 timers that nobody reads"


async def heads(host: str, port: int, scale: int) -> str:
    """Heads of 60 KiB without an end: as many at a time as the node takes, and others where it has closed one."""
    count = 95_000 // scale
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    places = asyncio.Semaphore(min(9_900, hard - 200, count))
    head = b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 61_000
    begun = time.monotonic()
    tried = 0

    async def one(n: int) -> None:
        nonlocal tried
        async with places:
            if time.monotonic() - begun > PATIENCE:
                return
            tried += 1
            try:
                link = await connect(host, port, n)
            except OSError:
                return
            await send(link, head)
            try:
                # Until it is closed, or all have been tried.
                await asyncio.wait_for(asyncio.get_running_loop().sock_recv(link, 1), HOLD)
            except (OSError, TimeoutError):
                pass
            link.close()

    await asyncio.gather(*(one(n) for n in range(count)))
    return f"{tried} heads of 60 KiB without an end"


async def main() -> None:
    host, port = sys.argv[1].rsplit(":", 1)
    pid, attack = int(sys.argv[2]), sys.argv[3]
    scale = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    stop, times = multiprocessing.Event(), multiprocessing.Queue()
    others = multiprocessing.Process(target=healthy, args=(host, int(port), stop, times))
    others.start()
    time.sleep(1)
    before = memory(pid, "VmRSS")
    done = await {"bulk": bulk, "bodies": bodies, "lists": lists, "feed": feed, "heads": heads}[attack](host, int(port), scale)
    taken = memory(pid, "VmHWM") - before
    stop.set()
    result = times.get(timeout=2 * PATIENCE)
    others.join()
    if isinstance(result, str):
        sys.exit(result)
    slowest = sorted(result)[int(len(result) * 0.99)] * 1_000
    print(f"{attack:9} {done}: {taken:.0f} MiB of {MOST_MIB} above idle, p99 of {len(result)} small requests {slowest:.1f} ms of {P99_MS:.0f}")
    if taken > MOST_MIB or slowest > P99_MS:
        sys.exit(1)


asyncio.run(main())
