"""Texts that a terminal or Textual would obey, or draw wrongly, if they were anything but text.

Every one is what a model, a tool, a file or a person may say. `HOSTILE` are texts of one screen or less, as bytes where
they are not UTF-8 (Lua and files have any bytes); `LONG` are those whose size is what is bad about them. What a
terminal would do with them carries `OWNED`, so that it can be looked for in what was sent to one.
"""

from __future__ import annotations

ESC, BEL, ST, CSI, OSC, DCS = "\x1b", "\x07", "\x1b\\", "\x1b[", "\x1b]", "\x1bP"

MARKUP = [
    "[/foo]", "[/]", "[", "]", "[[", "[]]", "[b", "[b]bold[/b]", "[b][i][u]nested[/i][/b][/u]", "[red on]x[/]",
    "[@click=app.quit]press[/]", "[@click='app.leave(7)']press[/@click]", "[@click=screen.dismiss]x",
    "[link=https://evil.example/OWNED]here[/link]", "[link='file:///etc/passwd']x[/]", "[link]x[/link]",
    "[$accent]x[/$accent]", "$accent", "$", "[not a style]x[/not a style]", "[#12345]x[/]", "[on rgb(1,2,3)]x[/]",
    "\\[b]escaped\\[/b]", "[b]unclosed [i]twice", "[/b][/b][/b]", "[auto 50%]x", "[bold=1]x", "[reverse]x[/reverse]",
    "[" * 300, "[a=" * 60, "[i]" * 100, "{b}", "[b]한국어[/wrong]", "[@click=app.bell()][link=x]both[/][/]",
]  # fmt: skip
MARKDOWN = [
    "[label](https://evil.example/OWNED)", "![image](https://evil.example/OWNED.png)", "<a href='x'>html</a>",
    "<script>alert(1)</script>", "```\nunclosed fence", "````lua\n```\n````", "# heading\n## [/b]", "> " * 40 + "deep",
    "| a | b |\n|---|---|\n| [/x] | \x1b[31m |", "***__~~`mixed`~~__***", "[x]: javascript:OWNED",
]  # fmt: skip
ESCAPES = [
    f"{ESC}c", f"{ESC}", f"{ESC}{ESC}{ESC}", f"{CSI}2J{CSI}H", f"{CSI}31mred", f"{CSI}6;66;6mOWNED", f"{CSI}?1049l",
    f"{CSI}?1000h", f"{CSI}8;1;1t", f"{CSI}21t", f"{CSI}6n", f"{CSI}c", f"{CSI}>c", f"{CSI}5i", f"{CSI}999D{CSI}KOWNED",
    f"{CSI}1;1H{CSI}0Jover", f"{CSI}3g", f"{CSI}4h", f"{CSI}?25l", f"{CSI}1000000b", f"{CSI}", f"{CSI}1", f"{CSI}1;",
    f"{CSI}38;2;1;2", f"{OSC}0;OWNED{BEL}", f"{OSC}2;OWNED{ST}", f"{OSC}2;torn title OWNED",
    f"{OSC}8;;https://evil.example/OWNED{ST}link{OSC}8;;{ST}", f"{OSC}8;id=1;x{BEL}torn link",
    f"{OSC}52;c;T1dORUQ={BEL}", f"{OSC}52;c;?{ST}", f"{OSC}9;OWNED{BEL}", f"{OSC}777;notify;OWNED;OWNED{ST}",
    f"{OSC}1337;File=name=T1dORUQ=:AAAA{BEL}", f"{OSC}4;1;rgb:00/00/00{BEL}", f"{OSC}10;?{BEL}", f"{OSC}",
    f"{OSC}133;A{BEL}", f"{OSC}7;file:///OWNED{BEL}", f"{DCS}$q m{ST}", f"{DCS}q#0;2;0;0;0#0~~{ST}",
    f"{DCS}+q4f574e{ST}",
    f"{DCS}tmux;{ESC}{ESC}]0;OWNED{BEL}{ST}", f"{DCS}torn", f"{ESC}_Ga=T,f=24;T1dORUQ={ST}", f"{ESC}_torn",
    f"{ESC}^pm{ST}",
    f"{ESC}Xsos OWNED{ST}", f"{ESC}(0lqk", f"{ESC}%G", f"{ESC}#8", f"{ESC}7{ESC}8", f"{ESC}=", f"{ESC}M{ESC}D{ESC}E",
    f"{ESC}N",
    "\x9b31mred", "\x9b2J", "\x9d0;OWNED\x9c", "\x90q\x9c", "\x9fG\x9c", "\x84\x85\x8d\x9a", "\x98sos\x9c", "\x9e\x9c",
    "\x0eshifted\x0f", "\x05", "\x11\x13", "\x18\x1a", f"a{BEL}b", "\x1c\x1d\x1e\x1f", "".join(map(chr, range(1, 10))),
    "".join(map(chr, range(11, 32))), "".join(map(chr, range(0x7F, 0xA0))),
]  # fmt: skip
MOVING = [
    "\rover", "\r\nover\rwrite\r", "abc\b\b\bOWNED", "\x7f\x7f", "a\tb\tc", "\t\t\t", "a\x0bb\x0cc", "a\u2028b\u2029c",
    "a\x85b", "\nfirst\n\n\nlast\n", "\n" * 60, "\x00", "a\x00b", " " * 300, "  lead and trail  ", "",
]  # fmt: skip
HIDDEN = [
    "a\u202egnp.exe", "\u202dover\u202c", "\u202a\u202b\u202c", "\u2066a\u2067b\u2068c\u2069", "\u200e\u200f\u061c",
    "x\u200by\u200cz\u200dw", "a\u200d" * 60, "1\ufe0f" * 60, "a\ufe0f\u200d\U0001f600",
    "\ufeffbom", "soft\u00adhyphen", "\u2060\u2061\u2062\u2063\u2064", "\u206a\u206f",
    "\U000e0001\U000e0041\U000e0042\U000e007f", "a\ufe0e\ufe0f\u180b", "\U000e0100\U000e01ef",
    "\u034f\u115f\u1160\u3164",
    "\uffa0\ufff9\ufffa\ufffb", "\u17b4\u17b5", "\U0001d173\U0001d17a", "pаypаl", "a\u00a0b\u3000c\u2003d",
]  # fmt: skip
WIDE = [
    "z" + "\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308" * 20, "\u0301alone", "e\u0301\u0327", "한국어 中文 日本語",
    "ﾊﾝｶｸ ＦＵＬＬ", "👨‍👩‍👧‍👦" * 10, "🏳️‍🌈🏴‍☠️👩🏽‍🚀", "🇩🇪🇫🇷🇩", "👍🏿👍", "☁️⚠️❤️✈️", "1️⃣#️⃣", "क्षि क्ष", "กำ ที่นี่", "한글",
    "﷽﷽﷽", "𒐫𒈙꧅", "⸻⸻", "שלום עולם", "مرحبا بالعالم", "abc שלום [/b] def", "العربية 123 ‎", "\u0600\u06dd", "\ufffd",
    "𝔘𝔫𝔦", "\U0010ffff\ufffe\uffff", "\ue000\uf8ff\U000f0000", "ß→ẞ İı", "🙂‍↔️", "中" * 120, "a中" * 80, "́" * 300,
]  # fmt: skip
MEANING = [
    "%s%n%d%(x)s", "{0}{x}{}", "{params.evil}", "{{state.x}}", "${HOME}`id`$(id)", "'; DROP TABLE runs; --",
    "../../etc/passwd",
    "a", "r", "q", "enter", "ctrl+c", "^p", "escape", "space", "1", "u undo", "a Approve", "▸ ❯ │ ─ ╭ ╮", "‹U+001B›",
    "…",
    "app.tcss", "themes/dark.toml", "Screen { display: none; }", "* { background: red; }", "-", "--json", "-p x=1",
    "null",
    "~", "yes", "0x10", "1e999", "- item", "key: value", "? x", "!!python/object:os.system", "&a *a", "#comment", "'\"",
    "\\", "\\n\\x1b[31m", "%1b[31m", "&lt;&#27;[31m", "//host/x", "C:\\con", "con.yaml", "A\u0000.yaml",
]  # fmt: skip
BYTES: list[str | bytes] = [
    b"\xff\xfe\x00\x01", b"\xc3\x28", b"\xe2\x82", b"\xf0\x9f\x98", b"\xc0\xaf", b"\xed\xa0\x80\xed\xb0\x80",
    b"ok\x80ok",
    b"\x9b31mraw", b"\x9d0;OWNED\x9c", b"\xf4\x90\x80\x80", b"\x1b\xff[31m", b"\xc2", b"\xff" * 200, b"\xed\xb2\x80",
]  # fmt: skip

HOSTILE: list[str | bytes] = [
    *MARKUP, *MARKDOWN, *ESCAPES, *MOVING, *HIDDEN, *WIDE, *MEANING, *BYTES,
]  # fmt: skip
LONG = ["x" * 10**6, "中" * 300_000, "y\n" * 10**5, "\x1b[31m" * 10**5, "e" + "\u0301" * 10**5, "[b]" * 10**5]

OBEYED = (
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""A regular expression of characters that no line of a screen may hold."""


def raw(text: str | bytes) -> bytes:
    """A text as Lua and files have it."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def lua(text: str | bytes) -> str:
    """A Lua string of it, byte by byte."""
    return '"' + "".join(f"\\{byte:03}" for byte in raw(text)) + '"'


def lua_list(texts: list[str | bytes]) -> str:
    """A Lua table of them."""
    return "{" + ", ".join(map(lua, texts)) + "}"


def named(texts: list[str | bytes] | None = None) -> list[str | bytes]:
    """Texts that each begin with a number of their own, by which they are found on a screen: `~007~`."""
    found: list[str | bytes] = []
    for place, text in enumerate(HOSTILE if texts is None else texts):
        sign = f"~{place:03}~"
        found.append(sign.encode() + text if isinstance(text, bytes) else sign + text)
    return found
