"""The accelerated twin embeds like the model it was made from, or is not used."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from pipelines.embedder import build_twin, cpu_twin, model_files
from pipelines.embedder.local import LocalEncoder
from pipelines.text.scoring import late

pytestmark = pytest.mark.long

TEXTS = [
    f"Sentence {i} tells of the {animal} and the {place} that it likes best in the year {1900 + i}."
    for i, (animal, place) in enumerate(
        (a, p)
        for a in ("fox", "dog", "quokka", "owl", "heron", "newt", "wren", "stoat")
        for p in ("river", "garden", "castle", "harbour", "forest", "meadow", "mill", "tower")
    )
]


# Every call gives the interpreter to another thread: they meet wherever they can.
FIRST_QUESTIONS = """
import faulthandler, sys, threading, time
from pathlib import Path
from pipelines.embedder import cpu_twin
faulthandler.dump_traceback_later(60, exit=True)
twin = cpu_twin.load(Path(sys.argv[1]), sys.argv[2])
together = threading.Barrier(4)
def ask(number):
    together.wait()
    twin.encode_documents([f"What does number {number} say?"])
threading.setprofile(lambda *_: time.sleep(0.0005))
threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("all answered")
"""


@pytest.fixture(scope="module")
def built(tiny_model, tmp_path_factory):
    """The twin of the tiny model, built as the app builds it: in a process of its own."""
    cache = tmp_path_factory.mktemp("cache")
    sha256 = model_files.Manifest.of(tiny_model).sha256
    verdict = build_twin.build_in_child(tiny_model, cpu_twin.folder_for(cache, sha256), TEXTS)
    return cache, sha256, verdict


def test_the_twin_embeds_like_its_model(built, tiny_model):
    """Whatever the verdict chose, int8 or fp32, the vectors are the model's, one or many at once."""
    cache, sha256, verdict = built
    assert verdict.usable, verdict.reason
    twin = cpu_twin.load(cache, sha256)
    model = LocalEncoder(tiny_model, device="cpu")
    assert (twin.dimension, twin.tokenizer) == (model.dimension, model.tokenizer)
    for texts in (TEXTS[:1], TEXTS):
        assert (twin.encode_queries(texts) * model.encode_queries(texts)).sum(axis=1).min() > 0.95
    assert twin.encode_documents([]).shape == (0, 32)


def test_the_twin_gives_the_codes_and_states_of_its_model(built, tiny_model):
    """By its second output: of every token that is read, in texts of different length."""
    cache, sha256, verdict = built
    assert verdict.token_cosine > 0.98
    twin, model = cpu_twin.load(cache, sha256), LocalEncoder(tiny_model, device="cpu")
    assert twin.late
    texts = [" ".join(TEXTS[n : n + n % 3 + 1]) for n in range(30)]
    (vectors, codes), (_, expected) = (e.encode_documents_late(texts) for e in (twin, model))
    assert (vectors * twin.encode_documents(texts)).sum(axis=1).min() > 0.999
    assert min(late.alike(a, b) for a, b in zip(codes, expected, strict=True)) > 0.85
    assert twin.encode_documents_late([])[0].shape == (0, 32)
    (vector, asked), (_, known) = (
        e.encode_query_late("the fox and the mill") for e in (twin, model)
    )
    assert asked.ids.tolist() == known.ids.tolist()
    assert (asked.states * known.states).sum(axis=1).min() > 0.95
    assert vector @ twin.encode_queries(["the fox and the mill"])[0] > 0.999


def test_a_twin_from_before_codes_is_built_again(built, tmp_path):
    """It gives vectors only: torch serves until there is a new one."""
    cache, sha256, _ = built
    shutil.copytree(cache, tmp_path / "cache")
    path = cpu_twin.folder_for(tmp_path / "cache", sha256) / cpu_twin.VERDICT
    said = json.loads(path.read_text())
    del said["format"], said["token_cosine"]
    path.write_text(json.dumps(said))
    assert cpu_twin.read_verdict(path.parent) is None
    assert cpu_twin.load(tmp_path / "cache", sha256) is None


def test_threads_that_use_the_twin_first_at_once_do_not_stop_each_other(built):
    """Runs in a separate process, because a stuck interpreter could not even report it."""
    cache, sha256, _ = built
    line = [sys.executable, "-c", FIRST_QUESTIONS, str(cache), sha256]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.stdout == "all answered\n", done.stderr


def test_a_damaged_twin_is_not_used(built):
    """One flipped bit in the weights: the loader steps back to torch instead of serving it."""
    cache, sha256, _ = built
    weights = cpu_twin.folder_for(cache, sha256) / "document.bin"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    assert cpu_twin.load(cache, sha256) is None


def test_a_model_that_cannot_be_converted_keeps_torch(tmp_path):
    """The reason is recorded, and nobody tries again at every start."""
    (tmp_path / "model").mkdir()
    verdict = build_twin.build_in_child(tmp_path / "model", tmp_path / "twin", TEXTS)
    assert not verdict.usable
    assert "conversion failed" in verdict.reason
    assert cpu_twin.read_verdict(tmp_path / "twin") == verdict


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"usable": true, "who": 1}', b"\xff\xfe"])
def test_a_damaged_verdict_counts_as_not_built(built, tmp_path, damage):
    """A full disk or a power cut once left it empty, and Attune never started again."""
    cache, sha256, _ = built
    copy = tmp_path / "cache"
    shutil.copytree(cache, copy)
    (cpu_twin.folder_for(copy, sha256) / cpu_twin.VERDICT).write_bytes(damage)
    assert cpu_twin.read_verdict(cpu_twin.folder_for(copy, sha256)) is None
    assert cpu_twin.load(copy, sha256) is None


def test_a_twin_with_a_damaged_file_is_built_again(built, tmp_path):
    """Whichever file was cut off, torch serves, and the next build finds nothing there."""
    cache, sha256, _ = built
    names = [p.name for p in cpu_twin.folder_for(cache, sha256).iterdir()]
    assert len(names) > 4
    for name in set(names) - {model_files.MANIFEST, cpu_twin.VERDICT}:
        copy = tmp_path / name
        shutil.copytree(cache, copy)
        folder = cpu_twin.folder_for(copy, sha256)
        (folder / name).write_bytes((folder / name).read_bytes()[:10])
        assert cpu_twin.load(copy, sha256) is None, name
        assert cpu_twin.read_verdict(folder) is None, name
