"""OpenAI embeddings against a real server that speaks their protocol: infinity, with the bundled model."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from pipelines.embedder import loading, model_files
from pipelines.embedder.endpoint import OpenAIEncoder
from pipelines.embedder.loading import EncoderOptions
from pipelines.embedder.local import LocalEncoder
from tests.listening import free_port, kill_all, wait_for
from training.evaluation.paid import PaidEncoder

pytestmark = pytest.mark.long

# It wants older libraries than the project's own: a venv of its own, kept between runs. Of torch,
# the largest by far, it takes the project's: to fetch and unpack it again takes a minute or more.
VENV = Path(__file__).resolve().parents[2] / "build" / "infinity-venv"
WANTED = ["torch", "infinity-emb[server,torch]==0.0.78"]
TORCH = ["torch", f"torch-{metadata.version('torch')}.dist-info", "torchgen", "functorch"]
INSTALL_S = 300
TEXTS = ["What was the revenue?", "Revenue was $17.5 billion.", "The harbour keeps its maps."]


def _installed() -> Path:
    """The server's command, installed if possible."""
    command = VENV / "bin" / "infinity_emb"
    if command.is_file():
        return command
    pip = [VENV / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    try:
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True, timeout=60)
        _link_torch(sysconfig.get_path("purelib", vars={"base": str(VENV)}))
        subprocess.run(
            [*pip, "install", "--quiet", "--no-compile", "--retries", "1", *WANTED],
            check=True, timeout=INSTALL_S, capture_output=True,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"infinity-emb cannot be installed here: {error}")
    return command


def _link_torch(site_packages: str) -> None:
    """Put the project's torch among the packages of the venv, where pip finds it installed."""
    ours = Path(str(metadata.distribution("torch").locate_file("")))
    for name in TORCH:
        if (ours / name).exists() and not (Path(site_packages) / name).exists():
            (Path(site_packages) / name).symlink_to(ours / name)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """Where the server answers."""
    command = _installed()
    home = tmp_path_factory.mktemp("infinity")
    port = free_port()
    given = {
        "--model-id": model_files.bundled_model(), "--served-model-name": "minilm",
        "--engine": "torch", "--device": "cpu", "--host": "127.0.0.1", "--port": port,
        "--url-prefix": "/v1",
    }  # fmt: skip
    arguments = [str(word) for pair in given.items() for word in pair]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [command, "v2", *arguments, "--no-bettertransformer", "--no-model-warmup"],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for(process, f"http://127.0.0.1:{port}/v1/models", home / "log")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        kill_all(process)


@pytest.fixture
def encoder(url, tmp_path) -> OpenAIEncoder:
    options = EncoderOptions(cache=tmp_path, openai_api_key="k", openai_base_url=url)
    found, _, _ = loading.load_base("openai:minilm", options)
    assert isinstance(found, OpenAIEncoder)
    return found


def test_vectors_are_those_of_the_model(encoder):
    """What comes over the wire is what the same model embeds here, as unit vectors."""
    local = LocalEncoder(model_files.bundled_model(), device="cpu")
    found = encoder.encode_documents(TEXTS)
    assert found.shape == (3, encoder.dimension) == (3, 384)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert (found * local.encode_documents(TEXTS)).sum(axis=1).min() > 0.999
    assert encoder.tokens_used > 0


def test_what_was_paid_for_is_not_asked_again(encoder, tmp_path):
    paid = PaidEncoder(encoder, tmp_path / "vectors.sqlite")
    first = paid.encode_documents(TEXTS)
    spent = paid.tokens_used
    again = paid.encode_documents(TEXTS)
    assert spent > 0
    assert paid.tokens_used == spent
    assert paid.texts_from_cache == len(TEXTS)
    assert np.array_equal(first, again)
    paid.close()
