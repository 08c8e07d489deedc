"""The engine of proc-tui: everything that works without a screen.

`__version__` is the only place where the version is written; the build reads it from here.
"""

__version__ = "0.1.0"
