"""Opens many connections to a node that say nothing, and asks it something every second meanwhile, from another process.

slow_clients.py HOST:PORT COUNT: of the connections, as many are held at a time as the node takes (--max-connections) and the
system lets wait (net.core.somaxconn); a connection that is cut off is replaced, until COUNT have been there. Fails if the node
does not answer within the time that a client may take (--client-timeout), or answers something else than 200.
"""

import asyncio
import multiprocessing
import resource
import socket
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


async def everyone(host: str, port: int, count: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    places = asyncio.Semaphore(min(AT_ONCE, hard - 100))
    await asyncio.gather(*(silent(host, port, places) for _ in range(count)))


def be_silent(host: str, port: int, count: int) -> None:
    asyncio.run(everyone(host, port, count))


def ask(host: str, port: int) -> float:
    """Asks whether the node is alive, over a connection of its own, and gives the seconds that it took."""
    begun = time.monotonic()
    with socket.create_connection((host, port), PATIENCE) as connection:
        connection.settimeout(PATIENCE)
        connection.sendall(f"GET /healthz HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n".encode())
        answer = connection.recv(4_096)
    if not answer.startswith(b"HTTP/1.1 200 "):
        sys.exit(f"the node answered {answer[:80]!r} after {time.monotonic() - begun:.2f} s")
    return time.monotonic() - begun


def main() -> None:
    host, port = sys.argv[1].rsplit(":", 1)
    count = int(sys.argv[2])
    # In a process of its own: a client that is slow to send its request is not told from one that says nothing.
    silence = multiprocessing.Process(target=be_silent, args=(host, int(port), count), daemon=True)
    silence.start()
    longest, asked = 0.0, 0
    while silence.is_alive():
        longest, asked = max(longest, ask(host, int(port))), asked + 1
        silence.join(1)
    if silence.exitcode != 0:
        sys.exit(f"the silent clients ended with {silence.exitcode}")
    print(f"clients   {count} said nothing; others were answered within {longest:.1f} s, {asked} times")


main()
