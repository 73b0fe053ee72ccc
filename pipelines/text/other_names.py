"""
Other names for what a question asks for: *weight* for "how heavy", *warranty* for *guarantee*. Pure.

People seldom ask in the words of a document, and never in those of its tables: whoever asks "Combien
pèse ...?" wants the row *Poids*. The lists are short on purpose. They hold words of everyday questions
in English, German, French and Spanish, and what manuals, contracts and price lists call the same.
Forms of irregular words are names of one another, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from pipelines.text import irregular
from pipelines.text.terms import terms

LANGUAGES = (None, "en", "de", "fr", "es")

# What is asked with, and the names of fields, columns and headings that answer it.
_ASKED = tuple(
    (re.compile(rf"(?i)\b(?:{asking})\b"), names)
    for asking, names in (
        ("how (?:tall|high)|wie (?:groß|hoch)|quelle hauteur|qué altura", "height head höhe größe hauteur altura"),
        ("how heavy|weighs?|wie schwer|wiegt|wieg(?:e|en)|pèse(?:nt)?|pesa[n]?", "weight gewicht mass poids peso"),
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
        ("costs?|how expensive|(?:ge)?kostet|kosten|wie teuer|coûte(?:nt)?|cuesta[n]?|quel (?:est le )?prix", "price fee rate preis preise kosten prix tarif tarifs precio cost amount total gesamt betrag free kostenlos gratuit"),
        ("pay|paid|bezahlen|bezahlt|zahlen|beglichen|begleichen|überweisen|payer|pagar", "price fee due payable free charge total amount zahlbar betrag rechnungsbetrag pauschale montant importe"),
        ("insgesamt|in total|altogether|en tout|en total", "total gesamt gesamtbetrag summe rechnungsbetrag endbetrag total"),
        ("earns?|salary|verdient", "salary wage income median gehalt"),
        ("born|birthday|geboren|né|née|nació", "birth born geburtsdatum geburt"),
        ("where|wo|wohin|où|dónde", "location place address site ort standort adresse lieu adresse"),
        ("when|wann|quand|cuándo", "date time datum zeit horaires horario"),
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
        ("open|opens|geöffnet|offen|ouvert(?:e)?|abiert[oa]", "open opening hours öffnungszeiten geöffnet horaires ouvre horario"),
    )
)  # fmt: skip
# Words that people use for one another, a line each.
_ALIKE_WORDS = """
guarantee guaranteed warranty
garantie gewährleistung
password passcode
passwort kennwort
handy mobiltelefon smartphone
backup backups
sicherung sicherungen datensicherung backup backups
homeoffice heimarbeit telearbeit
holiday holidays vacation leave
ferien urlaub urlaubstage
fee price cost
gebühr preis kosten entgelt
wage salary pay
gehalt lohn vergütung verdienst
cancel cancellation terminate termination
kündigen gekündigt kündigung
absagen stornieren absage stornierung
studenten studierende
kid kids child children
begin begins start starts commence commences
end ends finish finishes expire expires
allowed permitted allow
erlaubt gestattet zulässig
forbidden prohibited banned
verboten untersagt
broken defect defective faulty
kaputt defekt störung
fehler störung
fix repair repaired
bike bicycle
fahrrad rad
car vehicle
auto fahrzeug pkw
doctor physician
arzt ärztin
ill sick
refund refunded reimbursement reimbursed
tyre tyres tire tires
air pressure
luft luftdruck reifendruck druck
back rear
buy purchase bought
customer client
kunde kundin auftraggeber
boss manager head supervisor
chef leiter leiterin vorgesetzter
putzen geputzt reinigen gereinigt reinigung
putzfirma reinigungsfirma gebäudereinigung
sauber gereinigt saubergemacht
monat monatlich monatliche monate
jahr jährlich jährliche jahre
month monthly
year yearly annual annually
männer herren
frauen damen
verloren verlust verlieren
lost loss lose
beginnt begonnen beginn
verspätet verspätung verzug
late overdue delay
treasurer accounts money
chairman chairwoman chairperson chair
prize prizes award awards
job position employment
study studied education degree
language languages speak speaks spoken
sprache sprachen spricht sprechen
langue langues parle
summe höhe betrag
liter litern l
stunde stunden h
employee employees staff
worker workers staff employees
rubbish waste trash garbage
müll abfall
address located
flat apartment
wohnung apartment
mobile cell
delivery shipping shipped deliver
lieferung versand liefern geliefert
invoice bill
rechnung faktura
noise noisy loud
lärm laut
quit resign resignation
toilet toilets restroom restrooms
lift elevator
petrol gasoline fuel
essen mahlzeit verpflegung
hire rent rental
mieten leihen miete
owner owned belongs
besitzer eigentümer gehört
dog dogs pet pets
hund hunde haustier haustiere tiere
meet meets meeting meetings
treffen sitzung versammlung
opening open opens
schließen geschlossen schließt
teach teaches taught teacher trainer instructor coach lessons
unterrichtet lehrer lehrerin trainer trainerin
choose chose chosen pick picked
win won winner
aufheben aufgehoben aufbewahren aufbewahrt gespeichert
keep kept store stored
mettre mise mettez
nager natation nage
freír fríe fríen
konto bankverbindung iban kontonummer
inscrire inscription inscriptions inscrit
prix tarif coût coûte
garantie garanti garantis
congé congés vacances
interdit interdite interdits défendu
panne défaut erreur
voiture véhicule
téléphone tél
precio coste tarifa
garantía garantizado
prohibido prohibida
vacaciones permiso
"""


@lru_cache(maxsize=1)
def _groups() -> dict[str, frozenset[str]]:
    """The other names of each word, by the word and by its stems."""
    alike = ((LANGUAGES, line.split()) for line in _ALIKE_WORDS.strip().splitlines())
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


def of_question(question: str) -> Iterator[tuple[str, str]]:
    """What a question asks with, as it stands in it, and the names of what answers that."""
    for rule, names in _ASKED:
        if found := " ".join(match.group() for match in rule.finditer(question)):
            yield found, names


# Words of questions that documents need not hold. A word with a typo may stand for one of them.
_ASKING = (
    "heavy weigh weighs tall high long wide deep fast expensive cost costs price weight height length"
    " width depth speed temperature warranty guarantee schwer wiegt kostet teuer gewicht preis höhe"
    " länge breite dauer garantie"
)
ASKING = frozenset(_ASKING.split())
