"""A program that reads what it is given and never answers; it ignores a polite end."""

import signal
import sys

signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("waiting for better times", file=sys.stderr, flush=True)
sys.stdin.read()
while True:
    signal.pause()
