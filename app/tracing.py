"""
Traces for OpenTelemetry: one of each question and each job, with the pipelines' steps inside.

Nothing is imported or measured unless `ATTUNE_OTLP_ENDPOINT` names a collector. Texts of questions,
documents and answers are left out unless `ATTUNE_TRACE_TEXT` says otherwise.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any

from app import trail
from app.settings import Settings
from pipelines.answering.answer import Answerer
from pipelines.answering.events import AS_ASKED, Answer, Depth, Done, Event, StageStarted
from pipelines.errors import InputError

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from pipelines.answering.events import Turn
    from pipelines.answering.llm import LLMOptions
    from pipelines.search.handle import SearchHandle
    from pipelines.store.scope import Within

# What may be told of a step of a pipeline. Everything else may hold texts.
HARMLESS = frozenset({
    "haystack.component.name", "haystack.component.type", "haystack.component.visits",
    "haystack.component.fully_qualified_type", "haystack.pipeline.max_runs_per_component",
})  # fmt: skip
_tracer: Tracer | None = None


def start_tracing(settings: Settings, process: str) -> None:
    """
    Send traces of this process to the collector that the settings name.

    :raises InputError: The packages for it are not installed.
    """
    if not settings.otlp_endpoint:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise InputError(
            "ATTUNE_OTLP_ENDPOINT needs more packages: pip install 'attune[otel]'."
        ) from error
    provider = TracerProvider(
        resource=Resource.create({"service.name": "attune", "attune.process": process})
    )
    address = f"{settings.otlp_endpoint.rstrip('/')}/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(address)))
    use(provider.get_tracer("attune"), with_text=settings.trace_text)


def use(tracer: Tracer, *, with_text: bool) -> None:
    """Record spans with this tracer from now on."""
    global _tracer
    from haystack.tracing.tracer import enable_tracing

    _tracer = tracer
    enable_tracing(_steps(tracer, with_text=with_text))


def stop() -> None:
    """Record nothing from now on."""
    global _tracer
    from haystack.tracing.tracer import disable_tracing

    _tracer = None
    disable_tracing()


def _steps(tracer: Tracer, *, with_text: bool) -> Any:
    """Haystack's hook: its pipelines' steps as spans, without what they work on."""
    from haystack.tracing.tracer import Span
    from haystack.tracing.tracer import Tracer as HaystackTracer

    class Step(Span):
        def __init__(self, span: Any) -> None:
            self._span = span

        def set_tag(self, key: str, value: Any) -> None:
            if with_text or key in HARMLESS:
                plain = isinstance(value, str | int | float | bool)
                self._span.set_attribute(key, value if plain else str(value))

        def set_content_tag(self, key: str, value: Any) -> None:
            self.set_tag(key, value)

        def raw_span(self) -> Any:
            return self._span

    class Steps(HaystackTracer):
        @contextlib.contextmanager
        def trace(
            self,
            operation_name: str,
            tags: dict[str, Any] | None = None,
            parent_span: Span | None = None,
        ) -> Iterator[Span]:
            with tracer.start_as_current_span(operation_name, record_exception=False) as span:
                step = Step(span)
                step.set_tags(tags or {})
                yield step

        def current_span(self) -> Span | None:
            from opentelemetry import trace

            return Step(trace.get_current_span())

    return Steps()


@contextmanager
def span(name: str, **values: str | int) -> Iterator[None]:
    """A span around a block. Its faults are recorded by their type alone."""
    tracer = _tracer
    if tracer is None:
        yield
        return
    with tracer.start_as_current_span(
        name, attributes=_told(values), record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield
        except BaseException as error:
            _note_fault(opened, error)
            raise


def _told(values: dict[str, str | int]) -> dict[str, str | int]:
    return {f"attune.{key}": value for key, value in {**trail.here(), **values}.items()}


def _note_fault(opened: Any, error: BaseException) -> None:
    from opentelemetry.trace import StatusCode

    opened.set_status(StatusCode.ERROR, type(error).__name__)


class TracedAnswerer(Answerer):
    """An answerer whose questions are spans."""

    # Whether the text of a question is recorded with it.
    with_text = False

    async def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        handle: SearchHandle,
        top_k: int | None = None,
        collections: Within | None = None,
        llm: LLMOptions | None = None,
        depth: Depth = AS_ASKED,
    ) -> AsyncGenerator[Event, None]:
        """As in `Answerer`."""
        events = super().stream(
            question,
            history,
            handle=handle,
            top_k=top_k,
            collections=collections,
            llm=llm,
            depth=depth,
        )
        if _tracer is None:
            async with aclosing(events):
                async for event in events:
                    yield event
            return
        text = {"question": question} if self.with_text else {}
        opened = _tracer.start_span(
            "attune.question",
            attributes=_told({"question_chars": len(question), "turns": len(history), **text}),
        )
        try:
            async with aclosing(events):
                while (step := await _next(events, opened)) is not None:
                    yield step
        except BaseException as error:
            _note_fault(opened, error)
            raise
        finally:
            opened.end()


async def _next(events: AsyncGenerator[Event, None], opened: Any) -> Event | None:
    """
    The next event, made inside the span.

    The span is current only meanwhile: between events a stream is in its reader's context.
    """
    from opentelemetry.trace import use_span

    with use_span(opened, end_on_exit=False, record_exception=False, set_status_on_exception=False):
        event = await anext(events, None)
    if isinstance(event, StageStarted):
        opened.add_event(event.stage)
    elif isinstance(event, Done):
        opened.set_attributes(_outcome(event.answer))
    return event


def _outcome(answer: Answer) -> dict[str, str | int | float]:
    times = {f"attune.{stage}_ms": ms for stage, ms in answer.timings_ms.items()}
    return {
        "attune.kind": answer.kind, "attune.version": answer.model_name,
        "attune.epoch": answer.epoch, **times,
    }  # fmt: skip


def answerer_class(settings: Settings) -> type[Answerer]:
    """The class of answerers to use: the traced one if there is a collector."""
    if not settings.otlp_endpoint:
        return Answerer
    return type("Answerer", (TracedAnswerer,), {"with_text": settings.trace_text})
