"""Rows and records, ranges, windows, blobs, snapshots, pinned sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proc_tui.core.errors import StoreDamaged
from proc_tui.core.journal import journal
from proc_tui.core.journal.database import Database
from proc_tui.core.journal.events import AttemptBegan, Logged, Record, StateSet
from proc_tui.core.journal.folds.outline import Outline
from proc_tui.core.journal.journal import WHOLE, cut, decode_ranges, encode_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "runs.db", durability="fast")
    yield opened
    opened.close()


def record(seq: int, event: Any = None) -> Record:
    return Record(seq, 1000.0 + seq, seq, event or Logged("info", f"line {seq}"))


def fill(database: Database, run: str, records: list[Record]) -> None:
    database.write(lambda connection: journal.append(connection, run, records))


def test_a_record_comes_back_as_it_was_appended(database: Database) -> None:
    records = [
        record(1, StateSet("k", {"$t": [[1.5, {"$b": "/w=="}]]})),
        record(2, StateSet("big", "x" * 40_000)),
        record(3),
    ]
    fill(database, "r", records)
    with database.read() as connection:
        assert journal.read(connection, "r") == records
        assert journal.read(connection, "r", upto=2) == records[:2]
        assert journal.read(connection, "other") == []


@pytest.mark.parametrize(
    ("size", "beside"), [(1000, False), (32 * 1024 - 40, False), (32 * 1024 + 1, True), (3 * 2**20, True)]
)
def test_a_long_event_is_kept_beside_the_journal_once(database: Database, size: int, beside: bool) -> None:
    event = StateSet("k", "x" * size)
    fill(database, "r", [record(1, event), record(2, event)])
    with database.read() as connection:
        assert [item.event for item in journal.read(connection, "r")] == [event, event]
        assert connection.execute("SELECT count(*) FROM blobs").fetchone()[0] == int(beside)
        assert connection.execute("SELECT count(*) FROM events WHERE data IS NULL").fetchone()[0] == 2 * beside


def test_the_same_place_is_never_written_twice(database: Database) -> None:
    import sqlite3

    fill(database, "r", [record(1)])
    with pytest.raises(sqlite3.IntegrityError):
        fill(database, "r", [record(2), record(1)])
    with database.read() as connection:
        assert len(journal.read(connection, "r")) == 1


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 8)), max_size=6))
def test_cuts_of_cuts_are_the_events_that_each_left(cuts: list[tuple[int, int]]) -> None:
    """Against a list that is cut and continued by hand."""
    ranges, kept, last = WHOLE, [1, 2, 3, 4, 5], 5
    for keep, more in cuts:
        goes_on = last + 1
        keep = min(keep, goes_on)
        ranges = cut(ranges, keep, goes_on)
        kept = [seq for seq in kept if seq < keep] + list(range(goes_on, goes_on + more))
        last = goes_on + more - 1
    found = [seq for first, end in ranges for seq in range(first, (end or last) + 1)]
    assert found == kept
    assert decode_ranges(encode_ranges(ranges)) == [tuple(item) for item in ranges]


def test_the_history_at_an_event_is_that_of_its_attempt(database: Database) -> None:
    records = [record(seq) for seq in range(1, 20)]
    records[9] = record(10, AttemptBegan(2, 5, "reset"))
    records[14] = record(15, AttemptBegan(3, 12, "reset"))
    fill(database, "r", records)
    with database.read() as connection:
        assert journal.ranges_at(connection, "r", 9) == WHOLE
        assert journal.ranges_at(connection, "r", 12) == [(1, 4), (10, None)]
        assert journal.ranges_at(connection, "r", 19) == [(1, 4), (10, 11), (15, None)]


def test_a_window_is_a_page_of_some_kinds(database: Database) -> None:
    records = [record(seq, StateSet("k", seq) if seq % 3 == 0 else None) for seq in range(1, 101)]
    fill(database, "r", records)
    ranges = [(1, 40), (61, None)]

    def window(**options: Any) -> list[int]:
        with database.read() as connection:
            return [item.seq for item in journal.window(connection, "r", ["logged"], ranges, **options)]

    logged = [seq for seq in (*range(1, 41), *range(61, 101)) if seq % 3]
    assert window() == logged
    assert window(limit=5) == logged[:5]
    assert window(after=38, limit=5) == [seq for seq in logged if seq > 38][:5]
    assert window(limit=30, newest=True) == logged[-30:]
    assert window(upto=62, newest=True, limit=3) == [seq for seq in logged if seq <= 62][-3:]
    assert window(after=1000) == []


def test_a_snapshot_belongs_to_the_history_it_was_made_in(database: Database) -> None:
    fill(database, "r", [record(seq) for seq in range(1, 30)])

    def save(connection: Any) -> None:
        for seq in (5, 15, 25):
            outline = Outline(seq=seq, attempt=1, clock=0.0, state={}, kinds={"ended": seq})
            journal.save_snapshot(connection, "r", outline, msgspec.json.encode(outline).decode())

    database.write(save)

    def nearest(*arguments: Any, **options: Any) -> int | None:
        with database.read() as connection:
            found = journal.nearest_snapshot(connection, "r", *arguments, **options)
        return None if found is None else found.seq

    assert nearest(WHOLE, 29) == 25
    assert nearest(WHOLE, 20) == 15
    assert nearest([(1, 9), (18, None)], 20) == 5
    assert nearest(WHOLE, 4) is None
    assert nearest(WHOLE, 29, operations=24) == 15
    database.write(lambda connection: connection.execute("UPDATE snapshots SET data='{' WHERE seq=25"))
    assert nearest(WHOLE, 29) == 15, "a damaged one only costs time"


def test_time_never_runs_back_in_a_journal(database: Database) -> None:
    fill(database, "r", [record(1), record(2)])
    with database.read() as connection:
        assert journal.moment(connection, "r", 5.0) == 1002.0
        assert journal.moment(connection, "r", 5000.0) == 5000.0
        assert journal.moment(connection, "nobody", 5.0) == 5.0


def test_a_source_is_pinned_once(database: Database) -> None:
    first, again, other = (
        database.write(lambda connection, text=text: journal.pin(connection, text)) for text in ("a", "a", "b")
    )
    assert first == again != other
    with database.read() as connection:
        assert journal.pinned(connection, first) == "a"
        with pytest.raises(StoreDamaged, match="missing from the database"):
            journal.pinned(connection, "nothing")


def test_news_are_what_came_since_in_any_run(database: Database) -> None:
    fill(database, "r", [record(1), record(2)])
    with database.read() as connection:
        place = journal.newest_id(connection)
    fill(database, "s", [record(1), record(2, StateSet("k", 1))])
    with database.read() as connection:
        found = journal.news(connection, place, ["logged"])
        assert [(item.run, item.record.seq) for item in found] == [("s", 1)]
        assert journal.news(connection, journal.newest_id(connection), ["logged"]) == []
