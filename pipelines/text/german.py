"""
German compounds: "Kündigungsfrist" is also found by "Frist" and by "Kündigung". Pure.

The last part of a compound says what it is, and few words are that part of most compounds. A word
that ends in one of them is cut there.
"""

from __future__ import annotations

import re
from functools import lru_cache

# A shorter word is no compound, and a shorter first part is a prefix.
SHORTEST, SHORTEST_FIRST = 8, 4
LONGEST = 40
SHORTEST_VERB = 6
_PREFIX = "(?:ab|an|auf|aus|bei|durch|ein|fest|frei|her|hin|los|mit|nach|über|um|unter|vor|weg|weiter|zu|zurück|zusammen)"
_PARTICIPLE = re.compile(
    rf"(?P<before>{_PREFIX})?ge(?P<stem>\w{{3,}}?)(?:e?t|en)|(?P<before2>{_PREFIX})zu(?P<stem2>\w{{3,}})en"
)
_APART = re.compile(rf"{_PREFIX}(?P<verb>(?!ge|zu)\w{{4,}}(?:t|en|e))")
_HEADS = (
    "abgabe abgaben ablauf abrechnung abrechnungen abschluss abschnitt abteilung abteilungen abzug"
    " adresse adressen amt anfrage anfragen angabe angaben angebot angebote anlage anlagen anleitung"
    " anmeldung anpassung anschluss anschrift anspruch antrag anträge anweisung anzahl arbeit"
    " arbeiten arbeiter art arten arzt aufgabe aufgaben aufsicht auftrag aufträge ausfall ausgabe"
    " ausgaben ausgang auskunft ausrüstung ausschuss ausweis auszahlung auto bad bahn bank"
    " beauftragte beauftragter bedarf bedingung bedingungen befehl beginn behandlung behörde beitrag"
    " beiträge benutzer bereich bereiche bericht berichte beruf bescheid bescheinigung beschreibung"
    " bestand bestellung bestätigung besuch beteiligung betrag betrieb beträge bett betten beutel"
    " bewertung bezug bier bild bilder blatt block boden brief briefe brot buch bund bus bücher büro"
    " code dach datei dateien daten datum dauer decke dichte dienst dienste dosis druck ebene"
    " eingang einheit einkommen einsatz einstellung einstellungen eintrag ende energie entgelt"
    " entschädigung entsorgung entwicklung erfassung ergebnis ergebnisse erhöhung erklärung"
    " ermäßigung erstattung essen fach fahrt fahrten fahrzeug fahrzeuge fall familie farbe fehler"
    " feier feld felder fenster ferien fest feuer filter firma flasche fleisch fläche folge form"
    " formular formulare frage fragen frau freigabe frist fristen funktion fälle führer führung gang"
    " garantie garten gas gast gebiet gebühr gebühren gefahr gehalt geld gelder gemüse gericht gerät"
    " geräte geschichte geschirr geschwindigkeit geschäft gesellschaft gesetz gewicht gewinn glas"
    " gläubiger graben grad grenze grenzen griff gruppe gruppen größe gut gäste haftung hahn halle"
    " halter handbuch handel handy haus heft heim heizung helfer hemd herd hilfe hinweis hinweise"
    " hof holz hose huhn häuser höhe hülle inhalt jacke jahr jahre kabel kammer karte karten kasse"
    " kauf kenntnis kette kind kinder klasse klausel kleid kleidung klinik koffer konten konto"
    " kontrolle konzept kopf kosten kraft kredit kreis kräfte kuchen kunde kunden kurs kurse küche"
    " laden lager lampe land lehrer leine leiste leistung leistungen leiter leitung lieferung linie"
    " liste listen lizenz lohn luft länge löffel macht mangel mann marke maschine maschinen masse"
    " material maß maßnahme maßnahmen meister melder meldung menge messer messung methode miete"
    " mieter mitarbeiter mitglied mitglieder mittel modell modul monat monate motor mühle nadel name"
    " namen netz nummer nummern ofen ordner ordnung ort orte paket papier partner pass pause person"
    " personal pfand pflege pfleger pflicht pflichten plakette plan platte platz pläne plätze"
    " politik position preis preise probe problem produkt produkte programm projekt protokoll"
    " prozess prüfung prüfungen pumpe punkt punkte qualität quelle rabatt rad rahmen raster rate"
    " raten raum rechnung rechnungen recht rechte regal regel regeln regelung register reifen reihe"
    " reinigung reise reisen rente reparatur reserve rest richtlinie richtlinien ring risiko rohr"
    " rolle runde räume saal sache sack salat satz schaden schale schein schicht schiff schirm"
    " schlauch schloss schluss schlüssel schnitt schrank schritt schritte schuh schuld schule schutz"
    " schwester schäden schüler seite seiten sicherheit sieb sitz sitzung sofa software spende"
    " spiegel spiel spiele sprache sprecher staat stadt stand start station stein stelle stellen"
    " steuer steuern stift stock stoff stoffe strafe strauß straße strecke streit strom struktur"
    " stufe stuhl stunde stunden stück summe suppe system systeme sätze tabelle tafel tag tage tarif"
    " tasche taste taxi teil teile telefon teller temperatur teppich termin termine test text tier"
    " tiere tisch titel topf training treppe träger tuch turnier tür umfang unfall unterkunft"
    " unterlagen unternehmen unterricht untersuchung urlaub ventil verband verbrauch verein"
    " verfahren vergütung verhältnis verkauf verkehr verkäufer verleih verlust vermietung verordnung"
    " versand versicherung versorgung vertrag vertretung verträge verwaltung verzeichnis vorschrift"
    " vorschriften vorsitz vorstand wache wagen wahl wand ware waren wartung wasser wechsel weg wege"
    " wein weise weite welle werk werkzeug wert werte wesen weste wetter wirtschaft woche wochen"
    " wohnung wort wäsche wörter zahl zahlen zahlung zahlungen zaun zeichen zeichnung zeile zeit"
    " zeiten zelle zentrum zettel zeug zeugnis ziel ziele zimmer zins zinsen zone zubehör zug zugang"
    " zulage zuschlag zuschuss zustand zutaten zweck öffnung übernachtung übersicht"
)
HEADS = frozenset(_HEADS.split())


@lru_cache(maxsize=1 << 14)
def parts(word: str) -> tuple[str, ...]:
    """
    The parts of a compound, the first one with and without the *s* that joins it to the next.

    :param word: In small letters.
    :returns: Nothing if it is no compound that ends in a known word.
    """
    if not SHORTEST <= len(word) <= LONGEST:
        return ()
    for cut in range(SHORTEST_FIRST, len(word) - 1):
        if word[cut:] in HEADS:
            first = word[:cut]
            joined = first.endswith("s") and len(first) > SHORTEST_FIRST
            return (first, first[:-1], word[cut:]) if joined else (first, word[cut:])
    return ()


@lru_cache(maxsize=1 << 14)
def verb_forms(word: str) -> tuple[str, ...]:
    """
    What a verb may be written like elsewhere: *auszahlen* for *ausgezahlt* and *auszuzahlen*, *kaufen*
    for *gekauft*, *saugt* for *ansaugt*, which a main clause takes apart.

    :param word: As it is written. One with a capital is no verb.
    """
    if not word.islower() or len(word) < SHORTEST_VERB:
        return ()
    found = []
    if match := _PARTICIPLE.fullmatch(word):
        found.append(
            f"{match['before'] or match['before2'] or ''}{match['stem'] or match['stem2']}en"
        )
    if match := _APART.fullmatch(word):
        found.append(match["verb"])
    return tuple(found)
