"""Row ids with types, so that a window's id is never passed for a chunk's."""

from typing import NewType

DocumentId = NewType("DocumentId", int)
ChunkId = NewType("ChunkId", int)
WindowId = NewType("WindowId", int)
RuleId = NewType("RuleId", int)
ModelId = NewType("ModelId", int)
IndexId = NewType("IndexId", int)
MessageId = NewType("MessageId", int)
EvaluationId = NewType("EvaluationId", int)
RunId = NewType("RunId", int)
JobId = NewType("JobId", int)
SourceId = NewType("SourceId", int)
LanguageModelId = NewType("LanguageModelId", int)
