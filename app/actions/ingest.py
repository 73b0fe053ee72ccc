"""Opens what adds files to the index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.actions import twins
from app.services import Services
from pipelines.indexing.convert import Converter
from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.ingest import Ingester
from pipelines.progress import OnProgress, Stop, never, unheard


@contextmanager
def open_ingester(
    services: Services,
    *,
    on_progress: OnProgress = unheard,
    stop: Stop = never,
) -> Iterator[Ingester]:
    """Takes files in, with a reader process of its own that ends with the context."""

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
            on_progress,
            twins.before_load(services, stop),
            stop,
        )
