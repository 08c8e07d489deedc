"""A program that takes its standard output for a place to chat."""

import sys

print("Welcome to the server!", flush=True)
sys.stdout.buffer.write(b"\xff\xfe\n\n{}\n[1]\n")
sys.stdout.flush()
sys.stdin.read()
