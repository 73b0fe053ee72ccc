"""
Requests for another form of the answer before: "shorter", "as a table", "in German". Pure.

The rules are for English and German.
"""

from __future__ import annotations

import re

_LANGUAGES = (
    "english|german|french|spanish|italian|dutch|polish|portuguese|turkish|russian|ukrainian|arabic|chinese|japanese"
    "|korean|hindi|swedish|danish|norwegian|finnish|czech|greek|hungarian|romanian|deutsche?|englische?|französische?"
    "|spanische?|italienische?|niederländische?|polnische?|portugiesische?|türkische?|russische?|ukrainische?"
)
_ANSWER = r"(?:it|that|this|them|(?:the|your|this|that|last|previous) answer|your last answer|das|es|dies|die antwort|deine antwort|die letzte antwort)"
_FORM = r"(?:shorter|briefer|longer|simpler|clearer|more \w+|less \w+|kürzer|knapper|länger|einfacher|ausführlicher|verständlicher)"
_LAYOUT = (
    r"(?:an? |one |two |three |eine?[rn]? |zwei |drei )?(?:\w+ )?(?:table|list|bullets?|bullet points?|key ?words|sentences?|paragraphs?|points?|email"
    r"|words|tabelle|liste|stichpunkten?|aufzählung|sätzen?|satz|stichworten?|worten)"
)
_EDITS = tuple(
    re.compile(rule)
    for rule in (
        rf"(?:(?:make|write|put|say|explain|do) {_ANSWER} |be )?(?:a bit |a little |much |even |still |etwas |viel |noch )*{_FORM}",
        rf"(?:shorten|simplify|rephrase|reword|condense|rewrite|summari[sz]e|paraphrase) {_ANSWER}(?: (?:for|in|as|into|briefly|more|to)\b.{{0,40}})?",
        rf"(?:translate|say|write|give|put|repeat|now|and)?(?: me)?(?: {_ANSWER})?(?: again)? ?(?:in|into|to) (?:{_LANGUAGES})",
        rf"(?:show|give|put|write|format|present|make|turn|list)?(?: me)?(?: {_ANSWER})? ?(?:as|in|into|with|using) {_LAYOUT}",
        r"(?:explain (?:it|that|this) )?in (?:simple|simpler|plain|other|your own) (?:words|terms|english|language)",
        rf"(?:mach|mache|fass|fasse|schreib|schreibe|sag|sage|formulier|formuliere)(?: {_ANSWER})?(?: etwas| viel| noch)*(?: {_FORM}| zusammen| um| neu)",
        rf"(?:übersetze?|übersetz)(?: mir)?(?: {_ANSWER})?(?: (?:ins?|auf|nach|in das)) (?:{_LANGUAGES})n?",
        rf"(?:(?:und|jetzt|schreib|sag|gib)e? )?(?:mir )?(?:{_ANSWER} )?auf (?:{_LANGUAGES})",
        rf"(?:(?:gib|zeig|schreib|mach)e? )?(?:mir )?(?:{_ANSWER} )?(?:als|in) {_LAYOUT}",
        rf"(?:kürze|vereinfache|vereinfach) {_ANSWER}(?: (?:für|auf|in|etwas)\b.{{0,30}})?",
    )
)
_POLITE = re.compile(
    r"\b(?:please|bitte|thanks|danke|can you|could you|ok|okay|now|jetzt|kannst du)\b|[?!.,;:]"
)


def is_edit(request: str) -> bool:
    """Whether a message asks for another form of the answer before: "shorter", "as a table"."""
    asked = " ".join(_POLITE.sub(" ", request.casefold()).split())
    return bool(asked) and any(rule.fullmatch(asked) for rule in _EDITS)
