"""What a language model may be called and where it may be."""

from __future__ import annotations

import pytest

from app.actions.llms import address
from app.actions.llms.registry import ModelWish
from pipelines.errors import InputError


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (ModelWish("m", "localhost:11434"), "no address of a language model"),
        (ModelWish("m", "ftp://localhost/v1"), "no address of a language model"),
        (ModelWish("m", "file:///etc/passwd"), "no address of a language model"),
        (ModelWish("m", "http:///v1"), "no address of a language model"),
        (ModelWish("m", "http://[::1/v1"), "no address of a language model"),
        (ModelWish("m", "http://localhost:99999/v1"), "no address of a language model"),
        (ModelWish("m", "http://local host/v1"), "no address of a language model"),
        (ModelWish("m", "http://localhost/v1\n"), ""),
        (ModelWish("m", "http://localhost/\x07"), "no address of a language model"),
        (ModelWish("m", "http://ada:s3cr3t@localhost/v1"), "key in its own field"),
        (ModelWish("m", "http://localhost/v1?key=1"), "question mark"),
        (ModelWish("m", "http://localhost/v1", key="two words"), "is no key"),
        (ModelWish("m", "http://localhost/v1", key="schlüssel"), "is no key"),
        (ModelWish(" ", "http://localhost/v1"), "Name the model"),
    ],
)
def test_what_cannot_be_used_is_refused(wish, said):
    if not said:
        assert wish.checked().address == "http://localhost/v1"
        return
    with pytest.raises(InputError, match=said):
        wish.checked()


def test_blanks_and_a_slash_at_the_end_do_not_count():
    wish = ModelWish(" llama3.2 ", " http://localhost:11434/v1/ ", " ", " k ").checked()
    assert wish == ModelWish("llama3.2", "http://localhost:11434/v1", "llama3.2", "k")


def test_a_key_belongs_to_scheme_host_and_port():
    """An empty address is OpenAI's. A port that is not named is that of the scheme."""
    assert address.origin("") == address.origin("https://api.openai.com:443/v1")
    assert address.origin("http://a/v1") == address.origin("http://A:80/other")
    assert address.origin("http://a/v1") != address.origin("https://a/v1")
    assert address.origin("http://a:1/v1") != address.origin("http://a:2/v1")


def test_a_key_is_never_printed():
    assert "sk-1" not in repr(ModelWish("m", "", "", "sk-1"))
