"""
A separate database for a bench: an embedded server in a temporary folder, with the bundled model.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.services import Services, open_services
from app.settings import Settings
from pipelines.embedder import loading
from pipelines.embedder.cpu_twin import AcceleratedEncoder
from pipelines.store import models

LEXICAL_WEIGHT = float(Settings.model_fields["lexical_weight"].default)


@contextmanager
def scratch(model: str = "all-MiniLM-L6-v2", share: float = LEXICAL_WEIGHT) -> Iterator[Services]:
    """
    Services on an empty, temporary database, independent of the environment.

    :param model: Name or folder of the model that serves.
    :param share: Of the words in the score.
    """
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as folder:
        settings = Settings(
            home=Path(folder), database_url="", base_model=model, lexical_weight=share
        )
        with open_services(settings) as services:
            yield services


def accelerate(services: Services, windows: Sequence[str]) -> AcceleratedEncoder:
    """
    Give the version that serves the accelerated twin that a library has once documents are in it.

    :param windows: Texts to judge the twin by.
    :returns: The encoder that serves from now on.
    :raises RuntimeError: The twin could not be built here, or lost too much.
    """
    with services.pool.connection() as conn:
        model = models.get(conn, services.replica.current().model_id)
    assert model is not None
    loading.accelerate(model, services.options, windows)
    services.replica.reload()
    encoder = services.replica.current().encoder
    if not isinstance(encoder, AcceleratedEncoder):
        raise RuntimeError("There is no twin.")
    return encoder
