"""The hours of a run by a clock that the tests turn: what a search may still do, and what a kill leaves."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hf_fairtune.errors import FairTuneError
from hf_fairtune.search.hours import MARGIN, Clock, Ration
from tests.spoiling import SPOILINGS


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def let_pass(seconds: float) -> None:
        now[0] += seconds

    return let_pass


def test_a_clock_goes_on_after_a_kill_where_it_was_last_kept(tmp_path: Path, turn: Callable[[float], None]) -> None:
    clock = Clock(tmp_path)
    turn(100)
    clock.keep()
    turn(50)
    assert clock.spent == 150
    # What nobody wrote down before the kill is lost, and so are the seconds between two processes.
    turn(1e6)
    again = Clock(tmp_path)
    assert again.spent == pytest.approx(100)
    turn(7)
    assert again.spent == pytest.approx(107)


def test_a_process_that_does_not_write_leaves_nothing(tmp_path: Path, turn: Callable[[float], None]) -> None:
    clock = Clock(None)
    turn(3)
    clock.keep()
    assert clock.spent == 3
    assert not list(tmp_path.iterdir())


def test_another_trial_fits_until_what_must_follow_would_not(turn: Callable[[float], None]) -> None:
    """Trials of 100 s as priced, a training of 200 s, and a baseline of as many trials of 50 s: counted by hand."""
    ration = Ration(Clock(None), 1000, 100, lambda n: 200 + 50 * n)
    # Before any trial ended the price may be low by a quarter: 1.25 (100 + 200 + 50) = 437.5 s.
    assert ration.holds(0)
    ran = 0
    while ration.holds(ran):
        turn(100)
        ran += 1
        ration.note(100, 1)
    # After n trials: 100 n + 100 + 200 + 50 (n + 1) <= 1000 holds up to n = 4, so the fifth is the last.
    assert ran == 5
    # What follows fits.
    assert ration.clock.spent + 200 + 50 * ran <= 1000


def test_slow_trials_make_what_follows_dearer_and_fast_ones_not_cheaper(turn: Callable[[float], None]) -> None:
    slow, fast = (Ration(Clock(None), 1000, 100, lambda n: 300) for _ in range(2))
    assert slow.pace == 1 + MARGIN
    # Half a trial in 100 s: twice its price.
    slow.note(100, 0.5)
    fast.note(10, 1)
    assert (slow.pace, fast.pace) == (2, 1)
    turn(250)
    # 250 + 2 * 400 > 1000 >= 250 + 400.
    assert (slow.holds(1), fast.holds(1)) == (False, True)


def test_a_running_trial_stops_when_it_takes_from_what_follows(turn: Callable[[float], None]) -> None:
    ration = Ration(Clock(None), 1000, 100, lambda n: 200 + 50 * n)
    ration.note(100, 1)
    # 200 + 50 * 2 s must follow when the second trial has ended.
    turn(700)
    assert not ration.is_used_up(1)
    turn(1)
    assert ration.is_used_up(1)


def test_no_limit_never_ends(turn: Callable[[float], None]) -> None:
    ration = Ration(Clock(None), trial=100)
    turn(1e9)
    assert ration.holds(10**6)
    assert not ration.is_used_up(10**6)
    assert ration.hours is None


def test_the_refusal_names_hours_that_are_enough(turn: Callable[[float], None]) -> None:
    ration = Ration(Clock(None), 360, 1000, lambda n: 2000)
    error = ration.refusal()
    assert isinstance(error, FairTuneError)
    # 1.25 (1000 + 2000) s = 1 h 02 min 30 s.
    assert "`--max_hours` is 0.1, but one trial and what must follow take up to 1 h 02 min; give 1.05" in str(error)
    assert Ration(Clock(None), 3600 * 1.05, 1000, lambda n: 2000).holds(0)
    assert math.isclose(ration.hours or 0, 0.1)


@pytest.mark.parametrize("spoil", SPOILINGS)
def test_damaged_hours_count_from_now_on(
    tmp_path: Path, spoil: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    Clock(tmp_path).keep()
    spoil(tmp_path / "hours.json")
    assert Clock(tmp_path).before < 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == (spoil.__name__ not in ("deleted", "cut_by_a_byte"))
    assert all("hours.json` is damaged (" in line and line.endswith("the hours count from now on") for line in said)
