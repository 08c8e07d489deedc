"""A run as one HTML page that needs nothing else: for reading, printing, keeping and handing to somebody.

Belongs here: what the page shows and how. Never: reading the journal (`core/looking.py`), or what a class of message is
(`tui/talk/entries.py`). Everything that is not ours goes through `paper.py`, which escapes, redacts and shortens it.
"""
