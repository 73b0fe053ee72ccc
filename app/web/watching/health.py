"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.access.auth import may_see_metrics
from app.live import metrics
from app.services import Services
from app.web.watching.loop import LoopWatch
from pipelines.store import active, backups, document_list, queue_workers

DATABASE_S = 2


def add(app: FastAPI, services: Services, loop: LoopWatch) -> None:
    """Add the routes."""

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        """Report that the process is alive."""
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> JSONResponse:
        """
        Report whether questions can be answered: the database is up and a version serves, the disk
        has space, and the event loop runs.
        """
        try:
            with services.pool.connection(timeout=DATABASE_S) as conn:
                pointer = active.get(conn)
            services.replica.answering()
        except Exception as error:  # any fault means "not ready"
            return _not_ready(type(error).__name__)
        if pointer is None:
            return _not_ready("no version is active")
        if services.disk.is_full:
            return _not_ready("the disk is full")
        if loop.is_stuck:
            return _not_ready("the event loop is held up")
        degraded = {"degraded": True} if services.replica.degraded else {}
        return JSONResponse({"status": "ready", **degraded})

    @app.get("/metrics")
    def prometheus(request: Request) -> Response:
        """Return this process's metrics, and those of the database."""
        if not may_see_metrics(request):
            raise HTTPException(401, "Metrics are for admins, or for ATTUNE_METRICS_TOKEN.")
        _look(services)
        loop.show()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _not_ready(reason: str) -> JSONResponse:
    return JSONResponse({"status": "not ready", "reason": reason}, 503)


def _look(services: Services) -> None:
    """Read what is not counted when it happens."""
    metrics.show_pool(services.pool.get_stats())
    metrics.degraded.set(services.replica.degraded is not None)
    metrics.disk_free.set(services.disk.free_bytes)
    with services.pool.connection(timeout=DATABASE_S) as conn:
        for status, count in document_list.count_by_status(conn).items():
            metrics.documents.labels(status).set(count)
        pointer = active.get(conn)
        metrics.show_backup(backups.get(conn))
        metrics.show_queue(queue_workers.states(conn))
    metrics.epoch.set(pointer.epoch if pointer else 0)
