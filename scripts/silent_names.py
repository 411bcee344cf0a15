"""A DNS server that never answers, and 3,000 timers that are due at one instant and need it, each with a name of its own.

silent_names.py SERVER PORT PATTERN    {} in the pattern stands for the number of the name; runs until it is ended
"""
import datetime
import json
import signal
import socket
import sys
import urllib.request

TIMERS = 3_000
AT_ONCE = 1_000

server, port, pattern = sys.argv[1:]
dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dns.bind(("127.0.0.1", int(port)))
due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=5)
for first in range(0, TIMERS, AT_ONCE):
    names = (pattern.format(number) for number in range(first, first + AT_ONCE))
    timers = [{"at": due.isoformat(timespec="milliseconds"), "url": f"http://{name}/"} for name in names]
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server}/timers", json.dumps(timers).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        created = json.load(answer)["created"]
    if created != AT_ONCE:
        sys.exit(f"{created} of {AT_ONCE} timers were created")
print("created", flush=True)
signal.pause()
