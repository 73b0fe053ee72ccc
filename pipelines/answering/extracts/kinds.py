"""
Kinds of things that questions ask for, and how each looks in a text. Pure.

The rules are for English and German, the commonest ones for French and Spanish, too.
"""

from __future__ import annotations

import re
from typing import Literal

Wanted = Literal[
    "figure", "date", "steps", "reason", "person", "place", "meaning", "yes or no", "any"
]

_KINDS: tuple[tuple[Wanted, str], ...] = (
    ("steps", r"^\W*comment (?!s'appelle|se nomme)|cómo (?:se |puedo |hago )|how (?:is|are) .{1,60} made\b|wie wird .{1,60} (?:gemacht|gebacken|gekocht|zubereitet)\b|wie (?:macht|backt|kocht) man\b|how (?:do|can|should|would|must) (?:i|you|we|one)\b|how to\b|wie (?:\w+ )?(?:ich|man|wir|sie)\b|wie kann\b|steps\b"),
    ("date", r"by when\b|bis wann\b|quand\b|à quelle (?:date|heure)|cuándo\b|a qué hora|when\b|what (?:date|year|time|day)\b|which (?:dates?|years?|days?)\b|until when|wann\b|seit wann|welche[sn]? (?:jahr|datum|tag)\b"),
    ("reason", r"pourquoi\b|por qué\b|why\b|what (?:was|is|were) the (?:\w+ )?(?:cause|reason)s?\b|what caused\b|warum\b|weshalb\b|wieso\b"),
    ("place", r"where\b|wo\b|wohin\b|où\b|dónde\b|adónde\b|in which (?:room|city|town|country|building|street)\b|an welche[nrms]? (?:ort|adresse)\b"),
    ("person", r"chez qui\b|auprès de qui\b|qui\b|à qui\b|quién(?:es)?\b|an wen\b|who(?:m|se)?\b|wer\b|wem\b|wen\b"),
    ("figure", r"combien\b|cuánt[oa]s?\b|quel(?:le)? (?:\w+ ){0,3}?(?:prix|tarif|température|puissance|poids|pression|taille|durée|numéro|montant)\b|(?:bis zu )?welche[rnms]? (?:\w+ ){0,3}?(?:summe|betrag|höhe|preis|gewicht|leistung|länge|nummer|anzahl|druck|temperatur)\b|how (?:many|much|old|tall|high|heavy|long|large|big|far|fast|deep|wide|often)\b|within how many|wh(?:at|ich) (?:\w+ ){0,7}?(?:number|price|cost|fee|rent|salary|wage|amount|total|percentage|rate|age|height|weight|torque|power|capacity|length|width|depth|speed|temperature|pressure|budget|revenue|income|loss|profit|size|duration|distance|voltage|port)s?\b|wie ?(?:viele?|hoch|schwer|alt|lange?|gro(?:ß|ss)|weit|oft|teuer|schnell|warm|laut)\b|was (?:kostet|kosten|wiegt|hat (?:\w+ ){1,4}gekostet)\b"),
    ("yes or no", r"(?:is|are|was|were|can|may|do|does|did|will|must|should|am|has|have) |(?:darf|dürfen|kann|können|muss|müssen|soll|ist|sind|gibt|habt|haben|hat|wird|werden) |(?:peut-on|puis-je|faut-il|doit-on|est-ce que?|est-il|y a-t-il|avez-vous)\b|(?:se puede|puedo|hay|es|está|debo|tengo que) "),
    ("meaning", r"que (?:signifie|veut dire)|qué (?:significa|es)|qu'est-ce qu|what (?:is|are) (?:an? )?[^\W\d_]+(?: [^\W\d_]+){0,3}\??$|what does .{1,60} mean\b|define\b|how (?:does|is|are|do) .{1,60} defined?\b|was (?:ist|sind|bedeutet|bedeuten)\b|definition of\b"),
)  # fmt: skip
_FIRST = r"(?i)^\W*(?:(?:and|so|since|until|by|in|on|from|for|at|to|of|with|seit|bis|ab|von|mit|für|und) )?"
WANTS = tuple(
    (kind, re.compile(f"{'(?i)' if kind in ('figure', 'steps') else _FIRST}(?:{pattern})"))
    for kind, pattern in _KINDS
)
FIGURE = re.compile(r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|none|no|ein|zwei|drei|vier|fünf)\b", re.I)  # fmt: skip
DATE = re.compile(
    r"\b(?:1[5-9]|20)\d\d\b|(?<![\d.,])\d{1,2}[.:/]\d{1,2}(?!\d)|\b(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zä]*\.?\b"
    r"|\b(?:janv|févr|mars|avr|juin|juil|août|déc|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|ruhetag)\w*|\d\s?(?:h|uhr|am|pm|a\.m|p\.m)\b"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:days?|weeks?|months?|hours?|tage?|wochen?|monate?)\b", re.I)  # fmt: skip
REASON = re.compile(
    r"(?i)\b(?:because|due to|caused?|reasons?|result(?:ed|ing)?|owing|since|so that|in order to|weil|da|denn|wegen|aufgrund|durch|ursache|parce|puisque|porque|debido)\b"
)
# What says yes or no: allowed, forbidden, or the word itself.
VERDICT = re.compile(
    r"(?i)^\W*(?:yes|no|ja|nein|oui|non|sí|no)\b|\b(?:not?|never|only|allowed|permitted|forbidden|prohibited|may|must|nicht|keine?[nrs]?|nie|nur|darf|dürfen|erlaubt|verboten|untersagt|muss|müssen|obligatoire|interdite?s?|permise?s?|peut|doit|jamais|prohibid[oa]s?|permitid[oa]s?|puede|debe|nunca)\b"
)
CHANGE = re.compile(r"(?i)\b(?:increas|decreas|improv|grew|grow|fell|declin|gestiegen|gesunken)\w*")
SHARE = re.compile(r"(?i)percent|share|margin|%|anteil|prozent|rate\b")
# Where something is: a place after its preposition, an address, a way through menus.
PLACE = re.compile(
    r"\b(?:[Ii]n|[Aa]t|[Oo]n|[Nn]ear|[Uu]nder|[Ii]m|[Aa]m|[Bb]ei|[Bb]eim|[Aa]uf|[Uu]nter|[Dd]ans|[Àà]|[Aa]u|[Cc]hez|[Ee]n) (?:(?:the|our|der|dem|den|das|la|le|el|los) )?[A-ZÄÖÜÉÈ]\w"
    r"|\w > \w|(?i:\b(?:street|road|lane|avenue|square|quay|park|room|hall|building|floor|house|office|level|desk|reception|station|city|town|university|hospital|school|address|location|venue"
    r"|\w*(?:straße|platz|weg|gasse|ufer|zimmer|raum|saal|stube|gebäude|stock|keller|garten|halle|empfang|adresse|ort)|rue|salle|bâtiment|étage|gare|calle|plaza|sala|edificio|oficina)\b)|\b\d{4,5} [A-ZÄÖÜ]"
)
# Which one of a row of things is meant.
ORDERS = tuple(
    re.compile(rf"(?i)\b(?:{words})\b")
    for words in (
        "first|earliest|erste[nrs]?|früheste[nrs]?|premi(?:er|ère)|primer[oa]?",
        "last|latest|final|letzte[nrs]?|späteste[nrs]?|derni(?:er|ère)|últim[oa]",
        "next|again|nächste[nrs]?|wieder|prochaine?|próxim[oa]",
    )
)
# The lines at the head of a mail, one that only a mail has, and questions that they answer.
MAIL_LINE = re.compile(
    r"\W*(?:From|To|Cc|Date|Sent|Subject|Von|An|Datum|Gesendet|Betreff|De|À|Envoyé|Objet|Para|Asunto|Fecha)\W{0,3}:"
)
MAIL_SUBJECT = re.compile(r"\b(?:Subject|Betreff|Objet|Asunto)\W{0,3}:")
OF_MAILS = re.compile(
    r"(?i)\b(?:e-?mails?|mails?|messages?|wrote|write|sent|send|repl(?:y|ied)|subject|nachricht|geschrieben|schrieb|gesendet|betreff|courriel|écrit|envoyé|correo|escribió)\b"
)
# What explains a word: "A journey that begins at home."
DEFINITION = re.compile(r"(?:An?|The|Eine?|Une?|Una?) .{20,}[.]$", re.DOTALL)
# Of whom a group consists, told by what they are.
MEMBERS = re.compile(
    r"(?i)\b(?:consists? of|made up of|members? (?:is|are)|comprises?|composed of|besteht aus|bestehen aus|gehören|se compose(?:nt)? de|comprend|consta de)\b"
)
# A title or initial, whose stop ends no sentence.
TITLE = re.compile(r"\b(?:[A-Z]|Dr|Mrs?|Ms|Prof|St|Hr|Fr|M|Mme|Sr|Sra)\. ")
PROPER = re.compile(r"(?<!^)(?<![.!?] )\b[A-ZÄÖÜ][a-zäöüß]+\b")
FULL_NAME = re.compile(r"(?:[A-ZÄÖÜ][a-zäöüß-]+ )+[A-ZÄÖÜ][a-zäöüß-]+\b")
# Kinds of values that can be told by their looks: what asks for one, and what holds one.
LOOKS = tuple(
    (re.compile(rf"(?i)\b(?:{asks})\b"), re.compile(rf"(?i){holds}"))
    for asks, holds in (
        (
            r"e-?mail(?: address(?:es)?|-?adressen?)?|adresse électronique|correo(?: electrónico)?",
            "@",
        ),
        (
            r"(?:tele)?phone numbers?|fax(?: number|nummer)?|(?:telefon|handy|fax)nummer(?:n)?|numéros? de téléphone|números? de teléfono",
            r"\d[\d ()/.–-]{5,}\d",
        ),
        (
            r"how much (?:do|does|did|will|would) .{1,60} (?:earn|get paid)|(?:what|which|how much) (?:salary|pay|wages?)|(?:wie ?viel|was) verdien\w+|combien gagne\w*|cuánto gana\w*",
            r"[€$£¥]|\d\s?(?:eur|euros?|usd|gbp|chf|dollars?|pounds?|francs?)\b|salary|\bpay\b|\bpaid\b|wage|gehalt|lohn|vergütung|salaire|sueldo|salario",
        ),
        (
            r"website|web address|url|webseite|internetadresse",
            r"https?:|www\.|\.(?:com|org|net|de)\b",
        ),
        (
            r"what colou?rs?|which colou?rs?|colou?r (?:is|of|does)|welche farben?|(?:de )?quelles? couleurs?|qué color(?:es)?|farbe (?:hat|ist|des|der)",
            r"\b(?:black|white|grey|gray|silver|red|green|blue|yellow|orange|brown|pink|purple|beige|gold|schwarz|weiß|grau|silber|rot|grün|blau|gelb|braun|rosa|lila|noir|blanc|gris|rouge|vert|bleu|negro|blanco|rojo|verde|azul)|colou?r|farb|couleur",
        ),
        (
            r"how heavy|(?:how much|what) (?:do|does|did) .{1,60} weigh|wie schwer|wie viel wiegt|wieviel wiegt|combien pèsent?|cuánto pesan?",
            r"\d\s?(?:kg|g|mg|lbs?|pounds?|tonn?e?s?|t|oz|kilo\w*|gramm?s?)\b|weigh|gewicht|poids|peso",
        ),
        (
            r"how old|what age|wie alt|quel âge",
            r"\b(?:age|aged|years? (?:old|or|of age)|\d years?|born|older|younger|under \d|over \d|alter|älter|jünger|jahren?|lebensjahr|geboren|ab \d|unter \d|über \d|ans|né|née|edad|años)\b",
        ),
        (
            r"how many lit(?:re|er)s|wie ?viele? liter|combien de litres|cuántos litros",
            r"\d\s?(?:m|c|h)?l\b|lit(?:re|er|ro)|capacity|volume|inhalt",
        ),
        (r"how many watts|wie ?viele? watt|combien de watts", r"\d\s?k?w\b|watt"),
        (r"calories|kalorien|calorías", r"\b(?:k?cal|calor|kalor|calorí|kj)\w*"),
        (r"how loud|wie laut|how noisy", r"\d\s?db\b|noise|sound|loud|laut|schall|lärm"),
        (
            r"how (?:hot|cold|warm)|what temperature|wie (?:heiß|warm|kalt)|welche temperatur|quelle température|à quelle température",
            r"\d\s?°|degrees?|\bgrad\b|degrés?|grados|temperat|celsius|fahrenheit",
        ),
        (
            r"how often|how many times|wie oft|wie häufig|combien de fois|à quelle fréquence|cuántas veces|con qué frecuencia",
            r"\b\w*mal\b|täglich|wöchentlich|monatlich|jährlich|\bjede[mnrs]?\b|\balle\b|\bpro\b|\btimes?\b|once|twice|daily|weekly|monthly|yearly|annual|every|\beach\b|\bper\b|\bfois\b|\bpar\b|chaque|tous les|\bveces\b|\bcada\b",
        ),
        (
            r"(?:what|how much) (?:do|does|did|is|are|would|will) .{1,80} (?:cost|pay)\b|how expensive|(?:was|wie ?viel) (?:\w+ )?(?:ge)?kostet|wie teuer|was hat .{1,60} gekostet|wie ?viel (?:\w+ ){1,6}(?:be)?zahlen|coûte(?:nt)?|cuestan?",
            r"[€$£¥]|\b(?:eur|euros?|usd|gbp|chf|dollars?|pounds?|pence|cents?|francs?|free|kostenlos|gratis|gratuit)\b|price|\bprix\b|precio|preis|\bcosts?\b|kosten|\bfees?\b|gebühr|\brates?\b|\btari|\brent|miete|betrag|\bamount|\bpaid\b|\bpay|zahl",
        ),
    )
)
SEVERAL = re.compile(
    r"(?i)^\W*(?:and |und )?(?:(?:what|which|who) (?:are|were)\b|list|name|give|show|was sind|welche\b|nenne|zeige?|liste|quels\b|quelles\b|qué \w+s\b|cuáles\b"
    r"|(?:what|which) (?:\w+ ){0,2}\w+s (?:are|were|do|does|can|must|need)\b"
    r"|what (?:do|does|will|should|must|shall) (?:\w+ ){1,3}(?:(?:have|need) to )?(?:need|bring|pack|take along|prepare|provide)\b"
    r"|was (?:brauche?n?|benötige?n?|muss|müssen|sollen?)\b(?: \w+){1,4}(?: (?:mitbringen|mitnehmen|einpacken))?|que faut-il|de quoi)"
)
_CALENDAR_WORDS = (
    "January February March April May June July August September October November December Monday"
    " Tuesday Wednesday Thursday Friday Saturday Sunday Januar Februar März Mai Juni Juli Oktober"
    " Dezember Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag"
)
CALENDAR = frozenset(_CALENDAR_WORDS.split())
WORD = re.compile(r"[^\W\d_]+")
# A day, date or time by this name is asked for.
DATED = re.compile(
    r"(?i)\b(?:(?:which|what) (?:(?:week)?days?|dates?|years?|time)|until when|by when|bis wann|welche[mnrs]? (?:(?:wochen)?tage?n?|datum|jahr)|um wie ?viel uhr|à quelle (?:date|heure)|quel(?:s)? jours?)\b"
)
REFERENCE = re.compile(
    r"(?i)https?:|\bwww\.|\bretrieved\b|\bdoi\b|\bisbn\b|\bet al\b|\bpp\. ?\d|\blink|\burl|\bwebsite"
)
