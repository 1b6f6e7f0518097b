"""Progress of a run where the output is no terminal: a line a minute, with the time left."""

import pytest

from deepdx_pipeline.cli import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the test moves, in seconds."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_long_work_prints_a_line_a_minute_with_the_time_left(clock, capfd):
    with progress.RunProgress() as shown:
        for done in range(0, 601, 10):  # a unit a second
            clock[0] = float(done)
            shown.report(f"training, loss {600 - done}", done, 3600)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "training, loss 540: 60 of 3,600, 59 min left"
    assert lines[-1] == "training, loss 0: 600 of 3,600, 50 min left"


def test_short_work_and_work_that_begins_anew_print_nothing(clock, capfd):
    with progress.RunProgress() as shown:
        for start in range(0, 500, 50):  # ten pieces of work of 40 seconds each
            for done in range(0, 5):
                clock[0] = start + 10.0 * done
                shown.report("rendering", done, 4)
    assert capfd.readouterr().err == ""


def test_work_that_resumes_counts_from_where_it_began(clock, capfd):
    with progress.RunProgress() as shown:
        for second in range(0, 121, 20):
            clock[0] = float(second)
            shown.report("training", 1000 + second, 1240)
    assert capfd.readouterr().err.splitlines()[0] == "training: 1,060 of 1,240, 3 min left"
