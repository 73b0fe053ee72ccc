"""The services of a process, made from the settings, opened and closed together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from app.disk import Disk
from app.live.llms import LanguageModels
from app.live.replica import Replica
from app.live.shadow import Shadow
from app.settings import Settings
from app.tracing import answerer_class
from pipelines.answering.answer import Answerer
from pipelines.answering.deeper.budget import Budget
from pipelines.embedder.copies import Copies
from pipelines.embedder.loading import EncoderOptions
from pipelines.errors import InputError
from pipelines.store import addresses, db, poolers
from pipelines.store.db import Pool
from pipelines.store.embedded import EmbeddedPostgres
from pipelines.store.standby import Standby
from pipelines.versions import first
from training.run import Folders

DIRECT, READ = "ATTUNE_DIRECT_DATABASE_URL", "ATTUNE_READ_DATABASE_URL"


@dataclass(frozen=True)
class Services:
    """
    What handlers, commands and jobs work with.

    `dsn` is the address for connections outside the pool, which may hold locks and listen.
    """

    settings: Settings
    dsn: str
    pool: Pool
    options: EncoderOptions
    replica: Replica
    answerer: Answerer
    llms: LanguageModels
    shadow: Shadow
    # Restarts the embedded database if it has ended. Does nothing without one.
    revive: Callable[[], None]
    disk: Disk

    @property
    def folders(self) -> Folders:
        """Where training runs work and their models are kept."""
        return Folders.under(self.settings.home, travel=_is_shared(self.settings))


@contextmanager
def open_services(settings: Settings, *, pool_size: int = 10) -> Iterator[Services]:
    """
    Start or join the database, migrate its schema, and make sure that a version serves.

    :raises InputError: An address of a database is mistyped.
    :raises NotReadyError: The database is not available.
    """
    _check_standby(settings)
    with ExitStack() as stack:
        url = settings.database_url.get_secret_value()
        direct = settings.direct_database_url.get_secret_value() if url else ""
        revive: Callable[[], None] = _nothing
        if not url:
            embedded = stack.enter_context(EmbeddedPostgres(settings.home / "db"))
            url, revive = embedded.dsn, embedded.revive
        dsn = direct or url
        if settings.database_url.get_secret_value():
            addresses.check(url)
            poolers.check(dsn, DIRECT if direct else "DATABASE_URL")
        db.migrate(dsn)
        pool = db.open_pool(url, max_size=pool_size, direct=direct)
        stack.callback(pool.close)
        if direct:  # shows the database that this process lives, whatever the pooler does
            stack.enter_context(db.connect_alone(pool))
        options = encoder_options(settings, dsn)
        with pool.connection() as conn:
            first.ensure_first(
                conn,
                settings.base_model,
                options,
                size=settings.window_tokens,
                stride=settings.window_stride,
                lexical_weight=settings.lexical_weight,
            )
        replica = Replica(pool, options)
        standby = _standby(settings, replica, pool_size)
        if standby is not None:
            stack.callback(standby.close)
        answerer = answerer_class(settings)(
            pool,
            top_k=settings.top_k,
            workers=pool_size,
            standby=standby,
            budget=Budget(settings.deeper_steps, settings.deeper_chars, settings.deeper_s),
        )
        stack.callback(answerer.close)
        stack.callback(replica.stop)
        disk = Disk(settings.home)
        shadow = Shadow(pool, replica, answerer)
        stack.callback(shadow.stop)
        llms = LanguageModels(pool, settings)
        yield Services(settings, dsn, pool, options, replica, answerer, llms, shadow, revive, disk)


def _check_standby(settings: Settings) -> None:
    """Refuse the address of a standby that is mistyped or has no primary."""
    if url := settings.read_database_url.get_secret_value():
        if not settings.database_url.get_secret_value():
            raise InputError(f"{READ} needs DATABASE_URL, the address of the primary.")
        addresses.check(url, READ)


def _standby(settings: Settings, replica: Replica, size: int) -> Standby | None:
    """The standby that searches may read, if one is set."""
    url = settings.read_database_url.get_secret_value()
    if not url:
        return None
    return Standby(url, replica.id, replica.reports, most_lag_s=settings.read_lag_s, size=size)


def _is_shared(settings: Settings) -> bool:
    """Whether the database may serve other machines, too."""
    return bool(settings.database_url.get_secret_value())


def _nothing() -> None:
    """Do nothing, because an external database is not ours to start."""


def encoder_options(settings: Settings, dsn: str = "") -> EncoderOptions:
    """The settings that concern encoders. The database `dsn` may keep versions' files."""
    return EncoderOptions(
        cache=settings.home / "cache",
        models=Copies(settings.home / "models", dsn),
        artefacts=settings.artefacts,
        # An embedded database lies on the same disk as the files.
        database_mb=settings.database_model_mb if _is_shared(settings) else None,
        device=settings.device,
        threads=settings.threads,
        openai_api_key=settings.openai_api_key.get_secret_value() or None,
        openai_base_url=settings.openai_base_url or None,
        codes=settings.late_interaction == "auto",
    )
