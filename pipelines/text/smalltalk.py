"""
Greetings, thanks and farewells, which are answered and not searched for.

Pure. The whole message must be one, so "Hello, what does it cost?" is a question. The reply is in
the language of the message and says what can be asked.
"""

from __future__ import annotations

import re
from typing import Literal

Talk = Literal["hello", "thanks", "bye", "ability"]

_FILLERS = (
    "there|all|everyone|everybody|attune|again|bot|assistant|friend|to you|how are you"
    "|how are you doing|today|nice to meet you|so much|very much|a lot|a bunch"
    "|(?:for )?(?:the|your|this|that) (?:help|answer|information)|for (?:helping|answering)"
    "|that helps|that helped|(?:that|this|it) (?:was|is) (?:very )?(?:helpful|useful|great|perfect)"
    "|great|perfect|ok|okay|cool|nice|awesome|super|good|and|oh|well|toll|perfekt|prima|na|du|ihr"
    "|zusammen|miteinander|wie geht es dir|wie geht es ihnen|wie gehts|wie geht's|sehr|nochmals"
    "|für (?:die|deine|ihre) (?:hilfe|antwort)|das hat geholfen|das hilft|beaucoup|bien|tout le monde"
    "|mucho|muchas|mille|a todos|a tutti"
)
_WORDS: dict[str, dict[Talk, str]] = {
    "en": {
        "hello": "hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)",
        "thanks": "thanks|thank you|thx|cheers|many thanks|much appreciated",
        "bye": "bye|bye bye|goodbye|good night|see you|see you later",
        "ability": "help|help me|who are you|what are you|what can you do|what do you do"
        "|what can (?:you|i|we) (?:help|ask)(?: (?:me|us|you))?(?: with| about)?|how (?:does this|do you) work",
    },
    "de": {
        "hello": "hallo|moin|moin moin|servus|grüezi|grüß gott|grüss gott|guten (?:morgen|tag|abend)",
        "thanks": "danke|vielen dank|danke ?schön|danke dir|besten dank|herzlichen dank",
        "bye": "tschüss|tschüs|auf wiedersehen|bis bald|gute nacht",
        "ability": "hilfe|hilf mir|wer bist du|wer sind sie|was bist du|was kannst du|was können sie"
        "|was kann ich (?:dich |sie |hier )?fragen|wie funktioniert (?:das|dies)",
    },
    "fr": {
        "hello": "bonjour|bonsoir|salut|coucou",
        "thanks": "merci",
        "bye": "au revoir|à bientôt|bonne nuit",
        "ability": "aide|qui es-tu|qui êtes-vous|que peux-tu faire|que pouvez-vous faire",
    },
    "es": {
        "hello": "hola|buenos días|buenas tardes|buenas noches|buenas",
        "thanks": "gracias|muchas gracias",
        "bye": "adiós|hasta luego",
        "ability": "ayuda|quién eres|qué puedes hacer",
    },
    "it": {
        "hello": "ciao|buongiorno|buonasera|salve",
        "thanks": "grazie|grazie mille",
        "bye": "arrivederci",
        "ability": "aiuto|chi sei|cosa puoi fare",
    },
}
_KINDS = [
    (language, talk, re.compile(rf"(?:(?:{_FILLERS}) )*(?:{words})(?: (?:{words}|{_FILLERS}))*"))
    for language, of in _WORDS.items()
    for talk, words in of.items()
]
_ASK: dict[str, str] = {
    "en": "Ask me something about your documents, a fact, a figure or how something is done."
    " Every answer names the passage it comes from.",
    "de": "Frag etwas zu deinen Dokumenten, eine Tatsache, eine Zahl oder wie etwas geht."
    " Jede Antwort nennt die Stelle, von der sie stammt.",
    "fr": "Posez une question sur vos documents : un fait, un chiffre ou une marche à suivre."
    " Chaque réponse cite le passage dont elle vient.",
    "es": "Pregunta algo sobre tus documentos: un dato, una cifra o cómo se hace algo."
    " Cada respuesta cita el pasaje del que procede.",
    "it": "Chiedi qualcosa sui tuoi documenti: un fatto, una cifra o come si fa qualcosa."
    " Ogni risposta cita il passo da cui proviene.",
}  # fmt: skip
_OPENING: dict[str, dict[Talk, str]] = {
    "en": {"hello": "Hello!", "thanks": "You're welcome!", "bye": "Goodbye!", "ability": "I answer questions from your documents."},
    "de": {"hello": "Hallo!", "thanks": "Gern geschehen!", "bye": "Auf Wiedersehen!", "ability": "Ich beantworte Fragen aus deinen Dokumenten."},
    "fr": {"hello": "Bonjour !", "thanks": "Avec plaisir !", "bye": "Au revoir !", "ability": "Je réponds aux questions à partir de vos documents."},
    "es": {"hello": "¡Hola!", "thanks": "¡De nada!", "bye": "¡Hasta luego!", "ability": "Respondo preguntas a partir de tus documentos."},
    "it": {"hello": "Ciao!", "thanks": "Prego!", "bye": "Arrivederci!", "ability": "Rispondo a domande sui tuoi documenti."},
}  # fmt: skip
# Longer messages are questions.
LONGEST = 80


def reply(message: str) -> str | None:
    """The reply to a greeting, thanks or a farewell. None if the message is anything else."""
    if len(message) > LONGEST:
        return None
    words = " ".join(re.findall(r"[\w'-]+", message.casefold().replace("’", "'")))
    for language, talk, rule in _KINDS:
        if rule.fullmatch(words):
            opening = _OPENING[language][talk]
            return opening if talk == "bye" else f"{opening} {_ASK[language]}"
    return None
