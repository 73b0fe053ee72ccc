"""The metrics that `/metrics` reports to Prometheus for this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from pipelines.answering.events import Answer

questions = Counter("attune_questions", "Questions answered, by the kind of answer.", ["kind"])
failures = Counter("attune_failures", "Questions that ended in a fault, by its type.", ["type"])
stopped = Counter("attune_stopped", "Answers that the visitor stopped.")
shadow_questions = Counter(
    "attune_shadow_questions", "Questions that candidates answered silently."
)
shadow_dropped = Counter("attune_shadow_dropped", "Questions not asked of a candidate: too busy.")
shadow_faults = Counter("attune_shadow_faults", "Questions that a candidate failed at.")
late_skipped = Counter(
    "attune_late_skipped", "Questions answered without late interaction: its time was over."
)
stage_seconds = Histogram(
    "attune_stage_seconds",
    "Time of a question's stages.",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
epoch = Gauge("attune_epoch", "Epoch of the active version.")
degraded = Gauge(
    "attune_degraded", "1 while the serving version cannot be loaded and another one answers."
)
disk_free = Gauge("attune_disk_free_bytes", "Free space where the data folder lies.")
documents = Gauge("attune_documents", "Documents, by status.", ["status"])


def observe(answer: Answer) -> None:
    """Count an answer and the times of its stages."""
    questions.labels(answer.kind).inc()
    if not answer.in_time:
        late_skipped.inc()
    for stage, milliseconds in answer.timings_ms.items():
        stage_seconds.labels(stage).observe(milliseconds / 1e3)
