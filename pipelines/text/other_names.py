"""
Other names for what a question asks for: *weight* for "how heavy", *warranty* for *guarantee*. Pure.

People seldom ask in the words of a document, and never in those of its tables: whoever asks "Combien
pèse ...?" wants the row *Poids*. The lists are short on purpose. They hold words of everyday questions
in English, German, French and Spanish, and what manuals, contracts and price lists call the same.
Forms of irregular words are names of one another, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path

from pipelines.text import irregular
from pipelines.text.terms import terms

LANGUAGES = (None, "en", "de", "fr", "es")

# What is asked with, and the names of fields, columns and headings that answer it.
_ASKED = tuple(
    (re.compile(rf"(?i)\b(?:{asking})\b"), names)
    for asking, names in (
        ("how (?:tall|high)|wie (?:groß|hoch)|quelle hauteur|qué altura", "height head höhe größe hauteur altura"),
        ("how heavy|weighs?|wie schwer|wiegt|wieg(?:e|en)|pèse(?:nt)?|pesa[n]?", "weight weighs gewicht wiegt mass poids pèse peso pesa"),
        ("how old|wie alt|quel âge|cuántos años", "age alter born âge edad"),
        ("how long|wie lange?|dauert|combien de temps|cuánto (?:tiempo|dura)|dure", "length duration länge dauer minutes hours minuten stunden heures durée duración minutos days weeks months years tage wochen monate jahre jours semaines mois ans días meses años"),
        ("how deep|wie tief", "depth tiefe profondeur"),
        ("how wide|wie breit", "width breite largeur"),
        ("how fast|how quick|wie schnell", "speed geschwindigkeit vitesse velocidad"),
        ("how far|wie weit", "distance range entfernung reichweite"),
        ("how (?:hot|cold|warm)|wie (?:heiß|warm|kalt)", "temperature temperatur degrees grad température"),
        ("how loud|wie laut|how noisy|quel bruit", "sound noise lautstärke schallpegel sonore"),
        ("how (?:strong|powerful)|wie stark", "power leistung puissance potencia"),
        ("how big|how large|wie groß", "size dimensions capacity area größe fläche quadratmeter square"),
        ("costs?|(?:how|too|very) expensive|zu teuer|trop cher|(?:ge)?kostet|kosten|wie teuer|coûte(?:nt)?|cuesta[n]?|quel (?:est le )?prix", "price fee rate preis preise kosten prix tarif tarifs precio cost amount total gesamt betrag free kostenlos gratuit"),
        ("pay|paid|bezahlen|bezahlt|zahlen|beglichen|begleichen|überweisen|payer|pagar", "price fee due payable free charge total amount zahlbar betrag rechnungsbetrag pauschale montant importe"),
        ("insgesamt|in total|altogether|en tout|en total", "total gesamt gesamtbetrag summe rechnungsbetrag endbetrag total"),
        ("earns?|salary|verdient", "salary wage income median gehalt"),
        ("born|birthday|geboren|né|née|nació", "birth born geburtsdatum geburt"),
        ("where|wo|wohin|où|dónde", "location place address site ort standort adresse lieu adresse"),
        ("(?<!bis )(?<!seit )(?<!by )(?<!until )(?<!since )(?:when|wann|quand|cuándo)", "date time datum zeit horaires horario"),
        ("who wrote|author|wer schrieb", "author by verfasser autor"),
        ("phone|telephone|call|ring|telefon(?:nummer)?|anrufen|erreiche|téléphone|teléfono", "phone telephone tel telefon durchwahl hotline téléphone teléfono"),
        ("mean|means|bedeutet|heißt|signifie|significa", "meaning bedeutung cause ursache signification"),
        ("made|make|cook|bake|prepare|gemacht|macht man|mache ich|gebacken|backe|koche|gekocht|zubereitet|préparer|preparar|se hace",
         "method preparation directions instructions zubereitung anleitung préparation preparación"),
        ("in betrieb|einschalten|start up|switch on|mettre en marche|en marche", "inbetriebnahme operation start marche"),
        ("ansprechpartner|zuständig|in charge|responsible|whom? (?:can|do|should) i (?:ask|contact)|verantwortlich|responsable",
         "verantwortlich zuständig ansprechpartner leiter leiterin contact responsible manager questions responsable"),
        ("watts?|kilowatts?", "power leistung nennleistung puissance potencia"),
        ("volts?", "voltage spannung tension"),
        ("kilos?|kilogramm?s?", "weight gewicht poids peso"),
        ("degrees|grad|degrés|grados", "temperature temperatur température temperatura"),
        ("bar|bars", "pressure druck pression"),
        ("dimensions?|abmessungen", "size dimensions maße größe"),
        ("free time|spare time|leisure|hobb(?:y|ies)|freizeit|temps libre|loisirs|tiempo libre", "interests hobbies leisure interessen hobbys freizeit loisirs aficiones intereses"),
        ("(?:do|will|would|should) (?:i|we|you|they) need|what is needed|brauche (?:ich|man)|brauchen wir|benötige (?:ich|man)|de quoi (?:ai-je|a-t-on|avons-nous) besoin|que faut-il|qué (?:necesito|se necesita|lleva)",
         "ingredients materials tools equipment requirements needs required zutaten material werkzeug voraussetzungen ingrédients matériel ingredientes materiales"),
        ("who (?:runs|leads|heads|manages)|wer leitet|wer führt|qui dirige|quién dirige", "led leads leader head director manager chair ceo leiter leiterin leitung geschäftsführer geschäftsführerin directeur directrice director directora"),
        ("(?:run|runs|works?) (?:on|with|under)|läuft (?:auf|mit|unter)", "supported supports compatible version requirements unterstützt kompatibel voraussetzungen"),
        ("instead of|in place of|substitutes? for|replace|statt|anstatt|anstelle|au lieu de|en (?:lugar|vez) de", "instead replace replaced substitute alternative swap leave omit statt anstelle ersetzen ersetzt weglassen remplacer sustituir"),
        ("since when|seit wann|depuis quand|desde cuándo", "start started begin beginning since joined entry eintritt eintrittsdatum beginn anfang seit début entrée depuis inicio desde"),
        ("until when|by when|how soon|deadline|bis wann|jusqu'à quand|avant quand|hasta cuándo", "deadline due until before within latest end frist spätestens bis fällig ende échéance délai avant jusqu plazo hasta antes"),
        ("(?:sits?|serves?|is|are) (?:on|in) the|belongs? to|sitzt im|gehört zum|gehören zum|fait partie|font partie", "consists members comprises composed besteht mitglieder compose membres"),
        ("how (?:heavy|fast|high|long|much|many|tall|big|large|old|deep|far) (?:may|can|must)|at most|at the most|höchstens|maximal|au maximum|como máximo",
         "maximum permitted allowed limit max most zulässig zulässige höchstens maximal maximale maximum máximo"),
        ("at least|mindestens|wenigstens|au moins|au minimum|por lo menos|como mínimo", "minimum least min mindestens minimal minimum mínimo"),
        ("on (?:one|a|a single) (?:battery )?charge|mit einer (?:akku)?ladung|battery last", "battery life range runtime akkulaufzeit laufzeit reichweite autonomie"),
        ("open|opens|geöffnet|offen|ouvert(?:e)?|abiert[oa]", "open opening hours öffnungszeiten geöffnet horaires ouvre horario"),
    )
)  # fmt: skip
# What asks for the most or the least of a column, the names of the column, and whether for the most.
_MOST = tuple(
    (re.compile(rf"(?i)\b(?:{asking})\b"), names, is_most)
    for asking, names, is_most in (
        ("most expensive|dearest|teuerste[nrs]?|(?:le|la|les) plus ch(?:er|ère)s?|más car[oa]s?", "price cost fee rent amount total preis kosten gebühr miete gesamt betrag prix tarif montant precio importe", True),
        ("cheapest|least expensive|billigste[nrs]?|günstigste[nrs]?|(?:le|la|les) moins ch(?:er|ère)s?|más barat[oa]s?", "price cost fee rent amount total preis kosten gebühr miete gesamt betrag prix tarif montant precio importe", False),
        ("heaviest|schwerste[nrs]?|(?:le|la) plus lourde?|más pesad[oa]", "weight mass gewicht poids peso", True),
        ("lightest|leichteste[nrs]?|(?:le|la) plus lég(?:er|ère)|más liger[oa]", "weight mass gewicht poids peso", False),
        ("loudest|noisiest|lauteste[nrs]?|(?:le|la) plus bruyante?", "noise sound lautstärke schallpegel geräusch bruit ruido", True),
        ("quietest|leiseste[nrs]?|(?:le|la) plus silencieu(?:x|se)", "noise sound lautstärke schallpegel geräusch bruit ruido", False),
        ("tallest|highest|höchste[nrs]?|(?:le|la) plus haute?|más alt[oa]", "height höhe hauteur altura", True),
        ("lowest|niedrigste[nrs]?|(?:le|la) plus bas(?:se)?|más baj[oa]", "height höhe hauteur altura", False),
        ("longest|längste[nrs]?|(?:le|la) plus longue?|más larg[oa]", "length duration life time länge dauer laufzeit longueur durée longitud duración", True),
        ("shortest|kürzeste[nrs]?|(?:le|la) plus courte?|más cort[oa]", "length duration time länge dauer laufzeit longueur durée longitud duración", False),
        ("fastest|quickest|schnellste[nrs]?|(?:le|la) plus rapide|más rápid[oa]", "speed geschwindigkeit vitesse velocidad", True),
        ("slowest|langsamste[nrs]?|(?:le|la) plus lente?|más lent[oa]", "speed geschwindigkeit vitesse velocidad", False),
        ("biggest|largest|größte[nrs]?|(?:le|la) plus grande?|más grande", "size area capacity volume größe fläche inhalt taille surface capacité tamaño", True),
        ("smallest|kleinste[nrs]?|(?:le|la) plus petite?|más pequeñ[oa]", "size area capacity volume größe fläche inhalt taille surface capacité tamaño", False),
        ("oldest|älteste[nrs]?", "age alter âge edad", True),
        ("youngest|jüngste[nrs]?", "age alter âge edad", False),
        ("strongest|most powerful|stärkste[nrs]?", "power leistung puissance potencia", True),
        ("(?:the )?most|meiste[nr]?|(?:le|la) plus(?: de)?", "", True),
        ("(?:the )?(?:fewest|least)|wenigste[nr]?|(?:le|la) moins(?: de)?", "", False),
    )
)  # fmt: skip
# Words that people use for one another, a line each.
_ALIKE = Path(__file__).with_name("alike.txt")


@lru_cache(maxsize=1)
def _groups() -> dict[str, frozenset[str]]:
    """The other names of each word, by the word and by its stems."""
    alike = ((LANGUAGES, line.split()) for line in _ALIKE.read_text("utf-8").splitlines())
    bent = (((language,), words) for language, words in irregular.forms())
    found: dict[str, set[str]] = {}
    for languages, words in chain(alike, bent):
        for word in words:
            for form in {word, *(t for of in languages for t in terms(word, of)[:1])}:
                found.setdefault(form, set()).update(words)
    return {word: frozenset(others) for word, others in found.items()}


def of_word(word: str) -> frozenset[str]:
    """
    Other names of a word, itself among them if there are any.

    :param word: In small letters, or a stem of it.
    """
    return _groups().get(word, frozenset())


@lru_cache(maxsize=256)
def of_question(question: str) -> tuple[tuple[str, str], ...]:
    """What a question asks with, as it stands in it, and the names of what answers that."""
    asked = (
        (" ".join(match.group() for match in rule.finditer(question)), names)
        for rule, names in _ASKED
    )
    found = tuple((asking, names) for asking, names in asked if asking)
    if (most := superlative(question)) and most.names:
        return (*found, (most.asking, most.names))
    return found


@dataclass(frozen=True)
class Superlative:
    """The most or the least of what a question asks for: its words, and names of the column."""

    asking: str
    names: str
    is_most: bool


def superlative(question: str) -> Superlative | None:
    """What a question wants the most or the least of. None if it asks for something else."""
    for rule, names, is_most in _MOST:
        if found := rule.search(question):
            return Superlative(found.group(), names, is_most)
    return None


# Words of questions that documents need not hold. A word with a typo may stand for one of them.
_ASKING = (
    "heavy weigh weighs tall high long wide deep fast expensive cost costs price weight height length"
    " width depth speed temperature warranty guarantee schwer wiegt kostet teuer gewicht preis höhe"
    " länge breite dauer garantie"
)
ASKING = frozenset(_ASKING.split())
