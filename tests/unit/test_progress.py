"""Long work tells how far it is, and ends when somebody asks."""

import pytest

from pipelines.progress import Progress, Stopped, Task


def test_a_task_that_nobody_stops_goes_on_and_tells_nobody():
    task = Task()
    task.tell(Progress("reading"))
    task.check()


def test_a_task_ends_at_the_first_check_after_somebody_asked():
    asked = []
    task = Task(is_stopping=lambda: bool(asked))
    task.check()
    asked.append(True)
    with pytest.raises(Stopped):
        task.check()


def test_a_part_tells_elsewhere_and_stops_with_the_whole():
    whole, part, asked = [], [], []
    task = Task(whole.append, lambda: bool(asked))
    inner = task.telling(part.append)
    inner.tell(Progress("embedding", 1, 2))
    asked.append(True)
    assert (whole, part) == ([], [Progress("embedding", 1, 2)])
    with pytest.raises(Stopped):
        inner.check()
