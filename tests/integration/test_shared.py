"""Versions shared between machines: published once, fetched whole and verified, or not at all."""

from __future__ import annotations

import shutil

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from app.actions import retrain, versions
from app.services import open_services
from app.settings import Settings
from pipelines.embedder import model_files, registry, sharing
from pipelines.errors import ArtifactError, InputError, NotReadyError
from tests import versions as made
from tests.corpus import add_document
from tests.fakes import build_tiny_model
from tests.forking import CONTEXT


@pytest.fixture(params=["file", "memory"])
def root(request, tmp_path):
    """An empty shared place."""
    if request.param == "file":
        yield f"file://{tmp_path}/shared"
    else:
        yield "memory://shared"
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.fixture
def published(root, tiny_model):
    sha256 = model_files.Manifest.of(tiny_model).sha256
    return sharing.publish(tiny_model, sha256, root), sha256


def flip_bit(fs, path):
    content = bytearray(fs.cat_file(path))
    content[len(content) // 2] ^= 1
    fs.pipe_file(path, bytes(content))


def opened(address):
    from fsspec.core import url_to_fs

    return url_to_fs(address)


def fetch_when_told(address, sha256, store, told, results):
    told.wait()
    try:
        results.put(str(sharing.fetch(address, sha256, store)))
    except Exception as error:
        results.put(repr(error))


def test_what_was_published_is_fetched_whole(published, root, tiny_model, tmp_path):
    """The copy has the same files and sum. Publishing it again changes nothing."""
    address, sha256 = published
    kept = sharing.fetch(address, sha256, tmp_path / "cache")
    assert kept == tmp_path / "cache" / sha256
    model_files.verify(kept, sha256)
    assert sharing.publish(tiny_model, sha256, root) == address


def test_a_copy_that_is_there_needs_no_shared_place(published, tmp_path):
    address, sha256 = published
    kept = sharing.fetch(address, sha256, tmp_path / "cache")
    sharing.remove(address, sha256)
    assert sharing.fetch(address, sha256, tmp_path / "cache") == kept
    with pytest.raises(ArtifactError, match=r"There is no .*manifest\.json"):
        sharing.fetch(address, sha256, tmp_path / "other")


@pytest.mark.parametrize("name", ["model.safetensors", "manifest.json"])
def test_a_flipped_bit_in_the_shared_place_is_refused(published, tmp_path, name, tiny_model):
    """Nothing damaged gets into the cache. After a repair it is fetched."""
    address, sha256 = published
    fs, path = opened(address)
    (found,) = [p for p in fs.find(path) if p.endswith(name)]
    whole = fs.cat_file(found)
    flip_bit(fs, found)
    with pytest.raises(ArtifactError, match=name):
        sharing.fetch(address, sha256, tmp_path / "cache")
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [f".{sha256}.lock"]
    fs.pipe_file(found, whole)
    model_files.verify(sharing.fetch(address, sha256, tmp_path / "cache"), sha256)


@pytest.mark.parametrize("harm", ["flipped", "missing", "added"])
def test_a_damaged_copy_is_fetched_again(published, tmp_path, harm):
    address, sha256 = published
    kept = sharing.fetch(address, sha256, tmp_path / "cache")
    weights = next(kept.rglob("model.safetensors"))
    if harm == "flipped":
        data = bytearray(weights.read_bytes())
        data[100] ^= 1
        weights.write_bytes(data)
    elif harm == "missing":
        weights.unlink()
    else:
        (kept / "more.json").write_text("{}")
    model_files.verify(sharing.fetch(address, sha256, tmp_path / "cache"), sha256)
    assert {p.name for p in (tmp_path / "cache").iterdir()} == {sha256, f".{sha256}.lock"}


def test_an_interrupted_upload_is_not_taken_for_a_version(root, tiny_model, tmp_path):
    """
    The manifest is uploaded last. Without it there is no version, and publishing completes it.
    """
    sha256 = model_files.Manifest.of(tiny_model).sha256
    fs, path = opened(f"{root}/{sha256}")
    fs.makedirs(path)
    fs.pipe_file(f"{path}/model.safetensors", b"half")
    with pytest.raises(ArtifactError, match="There is no"):
        sharing.fetch(f"{root}/{sha256}", sha256, tmp_path / "cache")
    if root.startswith("file"):
        fs.rm(path, recursive=True)  # there a version appears at once or not at all
    address = sharing.publish(tiny_model, sha256, root)
    model_files.verify(sharing.fetch(address, sha256, tmp_path / "cache"), sha256)


def test_processes_that_fetch_at_once_all_get_it(tmp_path, tiny_model):
    """Four processes with one cache, in which a damaged copy lies already."""
    sha256 = model_files.Manifest.of(tiny_model).sha256
    address = sharing.publish(tiny_model, sha256, str(tmp_path / "shared"))
    store = tmp_path / "cache"
    results, told = CONTEXT.Queue(), CONTEXT.Event()
    (store / sha256).mkdir(parents=True)
    (store / sha256 / "model.safetensors").write_bytes(b"damaged")
    asking = [
        CONTEXT.Process(target=fetch_when_told, args=(address, sha256, store, told, results))
        for _ in range(4)
    ]
    for process in asking:
        process.start()
    told.set()
    found = [results.get(timeout=300) for _ in asking]
    for process in asking:
        process.join()
    assert found == [str(store / sha256)] * 4
    model_files.verify(store / sha256, sha256)


def test_places_that_cannot_be_used_are_told_plainly(tiny_model, tmp_path):
    sha256 = model_files.Manifest.of(tiny_model).sha256
    with pytest.raises(InputError, match="nosuch:// cannot be used"):
        sharing.publish(tiny_model, sha256, "nosuch://bucket/models")
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises((NotReadyError, ArtifactError)):
        sharing.publish(tiny_model, sha256, f"file://{file}/below")


def test_a_server_on_another_machine_loads_what_this_one_shares(dsn, tiny_model, tmp_path):
    """Two data folders, one database: the second has only what it fetched, base and candidate."""
    given = {"DATABASE_URL": dsn, "base_model": str(tiny_model), "artefacts": str(tmp_path / "nfs")}
    with open_services(Settings(home=tmp_path / "one", **given)) as one:
        with one.pool.connection() as conn:
            add_document(conn, one.replica.current(), "one", made.passages(5))
        larger = build_tiny_model(tmp_path / "larger", dimension=48, seed=1)
        made.register(one.pool, larger, "v1", tmp_path / "one" / "models")
        retrain.build(one, "v1")
    shutil.rmtree(tmp_path / "one")
    shutil.rmtree(tmp_path / "larger")
    with open_services(Settings(home=tmp_path / "two", **given)) as two:
        two.replica.start()
        assert two.replica.current().model_name == "base"
        assert versions.prepare(two, "v1") == 1
        with two.pool.connection() as conn:
            model = registry.find(conn, "v1")
        assert (tmp_path / "two" / "models" / model.manifest_sha256).is_dir()
        assert (tmp_path / "nfs" / model.manifest_sha256 / "manifest.json").is_file()
        registry.export(model, tmp_path / "out", store=two.options.models)
        assert (tmp_path / "out" / "modules.json").is_file()
