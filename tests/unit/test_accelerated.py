"""When an accelerated twin may serve."""

from pipelines.embedder.build_twin import acceptable


def test_what_loses_hits_is_refused_unless_it_is_the_same_but_for_rounding():
    """Of rows that differ in a word, which one comes fifth is chance: fp32 must not fail by that."""
    assert acceptable(0.004, 0.995)
    assert not acceptable(0.010, 0.995)
    assert not acceptable(0.0, 0.97)
    assert acceptable(0.007, 0.99997)
