"""What is said of a start that takes long."""

from app.watchdog.starting import Starting


def test_a_quick_start_says_nothing_and_a_slow_one_says_where_it_is():
    now, said = [0.0], []
    starting = Starting(lambda: now[0], said.append)

    def until(second, word="beat"):
        now[0] = second
        starting.hear(word)

    until(9)
    assert said == []
    until(11)
    until(12, "step reading the handbook")
    until(30)
    assert said == ["Still starting after 11 s: starting the database and loading the model"]
    until(32)
    assert said[1:] == ["Still starting after 32 s: reading the handbook"]
    until(40, "ready")
    until(100)
    assert len(said) == 2
