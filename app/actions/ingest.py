"""Opens what adds files to the index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.actions import twins
from app.services import Services
from pipelines.indexing.convert import Converter
from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.ingest import Ingester
from pipelines.progress import NO_TASK, Task


@contextmanager
def open_ingester(services: Services, task: Task = NO_TASK) -> Iterator[Ingester]:
    """An ingester with a reader process of its own, which ends with the context."""
    settings = services.settings
    limits = ReadLimits(
        size_mb=settings.max_upload_mb,
        memory_mb=settings.parse_memory_mb,
        cpu_s=settings.parse_cpu_s,
    )
    with Converter(limits) as converter:
        yield Ingester(
            services.pool,
            # Asks the active pointer each time: a write for a version that no longer serves is lost work.
            services.replica.refresh,
            converter,
            settings.chunk_chars,
            task,
            twins.before_load(services, task),
        )
