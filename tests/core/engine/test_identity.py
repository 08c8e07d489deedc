from __future__ import annotations

import subprocess
import sys

from proc_tui.core.engine import identity


def test_a_worker_of_a_living_process_is_not_dead() -> None:
    assert not identity.is_dead(identity.owner())
    assert not identity.is_dead(f"{identity.owner()}:7f3a")


def test_a_process_that_is_gone_is_dead_with_all_its_workers() -> None:
    program = "from proc_tui.core.engine import identity; print(identity.owner())"
    gone = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert identity.is_dead(gone)
    assert identity.is_dead(f"{gone}:7f3a")


def test_a_later_process_with_the_same_number_is_another() -> None:
    host, pid, _ = identity.owner().split(":")
    assert identity.is_dead(f"{host}:{pid}:1:7f3a")


def test_nothing_is_known_of_other_machines() -> None:
    assert not identity.is_dead("elsewhere:1:1:7f3a")


def test_people_see_host_and_process() -> None:
    assert identity.shown("host:12:345:7f3a") == "host:12"
    assert identity.shown("host:12") == "host:12"
