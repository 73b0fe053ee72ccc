"""Small fakes, and builders of the small real models that tests use."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def build_tiny_model(folder: Path, *, dimension: int = 32, seed: int = 0) -> Path:
    """
    Build a real sentence-transformers folder with random weights, which loads in milliseconds.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [f"{a}{b}" for a in "abcdefghijklmnopqrstuvwxyz" for b in "aeiou nrst"]
    tokenizer.train_from_iterator(
        [" ".join(words), "the quick brown fox jumps over the lazy dog 0123456789"],
        trainers.WordPieceTrainer(vocab_size=600, special_tokens=special),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    torch.manual_seed(seed)
    parts = folder / "transformer"
    BertModel(
        BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=dimension,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=dimension * 2,
            max_position_embeddings=256,
        )
    ).save_pretrained(parts)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=256,
    ).save_pretrained(parts)
    transformer = Transformer(str(parts))
    model = SentenceTransformer(
        modules=[transformer, Pooling(dimension, pooling_mode="mean"), Normalize()], device="cpu"
    )
    model.save(str(folder / "model"))
    return folder / "model"


def build_tiny_llm(folder: Path) -> Path:
    """
    Build a random two-layer Llama with a byte-level tokenizer, which answers gibberish at once.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        ["some words for the tokenizer"],
        trainers.BpeTrainer(
            vocab_size=300,
            special_tokens=["<s>", "</s>", "<pad>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    wrapped.chat_template = (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(wrapped),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=8192,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=2,
        )
    )
    model.generation_config.max_new_tokens = 24
    model.save_pretrained(folder)
    wrapped.save_pretrained(folder)
    return folder


class LLMCall:
    """One request to the scripted LLM, with the ways to answer it."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._handler = handler
        self.body = body

    def say(self, text: str, *, finish: str | None = "stop", pause_s: float = 0) -> None:
        """Answer with a text, word by word if a stream was requested."""
        if not self.body.get("stream"):
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": finish}
            self._json(200, {**_ENVELOPE, "object": "chat.completion", "choices": [choice]})
            return
        self.begin()
        for word in text.split(" "):
            self.piece({"delta": {"content": word + " "}})
            time.sleep(pause_s)
        if finish:
            self.piece({"delta": {}, "finish_reason": finish})
        self.raw(b"data: [DONE]\n\n")
        self.raw(b"")

    def call_tools(self, *calls: tuple[str, Any]) -> None:
        """
        Answer a streamed request with calls of tools.

        :param calls: Name and arguments of each. Arguments that are a text are sent as they are.
        """
        self.begin()
        for number, (name, given) in enumerate(calls):
            arguments = given if isinstance(given, str) else json.dumps(given)
            made = {"index": number, "id": f"call-{number}", "type": "function"}
            function = {"name": name, "arguments": arguments}
            self.piece({"delta": {"tool_calls": [{**made, "function": function}]}})
        self.piece({"delta": {}, "finish_reason": "tool_calls"})
        self.raw(b"data: [DONE]\n\n")
        self.raw(b"")

    def embed(self, dimension: int = 64) -> None:
        """
        Answer with vectors that are similar where texts share words. Words are counted as tokens.
        """
        rows = []
        for text in self.body["input"]:
            vector = [0.01] * dimension
            for word in text.casefold().split():
                vector[zlib.crc32(word.encode()) % dimension] += 1
            rows.append(vector)
        words = sum(len(text.split()) for text in self.body["input"])
        self._json(
            200,
            {
                "object": "list",
                "model": self.body["model"],
                "data": [
                    {"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(rows)
                ],
                "usage": {"prompt_tokens": words, "total_tokens": words},
            },
        )

    def fail(self, status: int, code: str = "", retry_after: str | None = None) -> None:
        """Answer with an error in OpenAI's format."""
        headers = {"retry-after": retry_after} if retry_after else {}
        self._json(status, {"error": {"message": f"secret-detail {code}", "code": code}}, headers)

    def begin(self) -> None:
        """Send the head of a stream."""
        self._handler.send_response(200)
        self._handler.send_header("content-type", "text/event-stream")
        self._handler.send_header("transfer-encoding", "chunked")
        self._handler.end_headers()

    def piece(self, choice: dict[str, Any]) -> None:
        """Send one event of a stream."""
        event = {
            **_ENVELOPE,
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, **choice}],
        }
        self.raw(f"data: {json.dumps(event)}\n\n".encode())

    def raw(self, data: bytes) -> None:
        """Send bytes as one HTTP chunk. An empty chunk ends the body."""
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self._handler.wfile.flush()

    def hang_up(self) -> None:
        """Close the connection in the middle of the answer."""
        self._handler.close_connection = True
        self._handler.connection.close()

    def _json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self._handler.send_response(status)
        self._handler.send_header("content-type", "application/json")
        self._handler.send_header("content-length", str(len(data)))
        for name, text in (headers or {}).items():
            self._handler.send_header(name, text)
        self._handler.end_headers()
        self._handler.wfile.write(data)


_ENVELOPE = {"id": "1", "created": 0, "model": "scripted"}


class ScriptedLLM:
    """
    An OpenAI-compatible server on loopback with scripted answers.

    `script` has one step per request. The last step repeats.
    """

    def __init__(self) -> None:
        self.url = ""
        self.script: list[Callable[[LLMCall], None]] = []
        self.requests: list[dict[str, Any]] = []
        # Of each request, by lower-case name.
        self.headers: list[dict[str, str]] = []
        self.broken_pipes = 0
        # Requests that come at once take one step each.
        self.lock = threading.Lock()

    def prompt(self, request: int = -1) -> str:
        """The whole text that a request sent to the model."""
        return "\n".join(m.get("content") or "" for m in self.requests[request]["messages"])


@contextmanager
def scripted_llm() -> Iterator[ScriptedLLM]:
    """A listening `ScriptedLLM`."""
    fake = ScriptedLLM()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with fake.lock:
                step = fake.script[min(len(fake.requests), len(fake.script) - 1)]
                fake.headers.append({name.lower(): value for name, value in self.headers.items()})
                fake.requests.append(body)
            try:
                step(LLMCall(self, body))
            except OSError:  # the client left in the middle
                fake.broken_pipes += 1
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
