"""Tools: what agents and `Tools` may call outside of a procedure.

Belongs here: the sources of tools (MCP servers, Python files), and finding and calling one by its name. Never: what
a turn does with a call (`agents/`), recording it (`engine/`), or asking for trust (`tui/`).
"""
