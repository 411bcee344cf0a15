"""Opens many connections to a node that say nothing, and asks it something every second meanwhile.

slow_clients.py HOST:PORT COUNT: of the connections, as many are held at a time as the node takes (--max-connections) and the
system lets wait (net.core.somaxconn); who is cut off is replaced, until COUNT have been there. Fails if the node
does not answer within the time that a client may take (--client-timeout), or answers something else than 200.
"""

import asyncio
import resource
import sys
import time

# So many are open at once: what a node takes by default, and what waits behind.
AT_ONCE = 12_000
# In seconds: the default of --client-timeout, and what a busy machine needs beside.
PATIENCE = 60


async def silent(host: str, port: int, left: asyncio.Semaphore) -> None:
    """Connects, says half a request, and waits until it is cut off."""
    async with left:
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), PATIENCE)
        except (OSError, TimeoutError):
            return
        writer.write(b"POST /timer HTTP/1.1\r\nhost: x\r\n")
        try:
            await asyncio.wait_for(reader.read(), 2 * PATIENCE)
        except (OSError, TimeoutError):
            pass
        writer.close()


async def ask(host: str, port: int) -> float:
    """Asks whether the node is alive, over a connection of its own, and gives the seconds that it took."""
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    if not answer.startswith(b"HTTP/1.1 200 "):
        sys.exit(f"the node answered {answer[:80]!r}")
    return time.monotonic() - begun


async def main() -> None:
    host, port = sys.argv[1].rsplit(":", 1)
    count = int(sys.argv[2])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    places = asyncio.Semaphore(min(AT_ONCE, hard - 100))
    clients = [asyncio.create_task(silent(host, int(port), places)) for _ in range(count)]
    everyone = asyncio.gather(*clients)
    longest = 0.0
    while not everyone.done():
        longest = max(longest, await asyncio.wait_for(ask(host, int(port)), PATIENCE))
        await asyncio.wait([everyone], timeout=1)
    print(f"clients   {count} said nothing; others were answered within {longest:.1f} s")


asyncio.run(main())
