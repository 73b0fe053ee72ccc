import threading

from pipelines.embedder.loading import EncoderOptions
from pipelines.search import opening
from pipelines.store import active, db
from pipelines.versions import first


def test_migrate_is_safe_when_started_twice_at_once(postgres, dsn):
    threads = [threading.Thread(target=db.migrate, args=(dsn,)) for _ in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]


def test_first_start_makes_one_active_index(pool, tiny_model, tmp_path):
    options = EncoderOptions(cache=tmp_path)
    with pool.connection() as conn:
        for _ in range(2):
            first.ensure_first(
                conn, str(tiny_model), options, size=64, stride=48, lexical_weight=0.4
            )
        pointer = active.get(conn)
        assert pointer is not None
        assert pointer.epoch == 1
        handle = opening.load_handle(conn, options)
    assert handle.index_id == pointer.index_id
    assert handle.encoder.encode_queries(["the quick fox"]).shape == (1, 32)
