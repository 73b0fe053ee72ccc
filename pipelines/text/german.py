"""
German compounds: "Kündigungsfrist" is also found by "Frist" and by "Kündigung". Pure.

The last part of a compound says what it is, and few words are that part of most compounds. A word
that ends in one of them is cut there.
"""

from __future__ import annotations

from functools import lru_cache

# A shorter word is no compound, and a shorter first part is a prefix.
SHORTEST, SHORTEST_FIRST = 8, 4
LONGEST = 40
_HEADS = (
    "abgabe abgaben ablauf abrechnung abrechnungen abschluss abschnitt abteilung abteilungen adresse"
    " adressen amt anfrage anfragen angabe angaben angebot angebote anlage anlagen anleitung anmeldung"
    " anpassung anschluss anschrift anspruch antrag anträge anweisung anzahl arbeit arbeiten arbeiter"
    " art arten arzt aufgabe aufgaben auftrag aufträge ausgabe ausgaben auskunft ausrüstung ausschuss"
    " ausweis auszahlung auto bahn bank bedarf bedingung bedingungen befehl beginn behandlung behörde"
    " beitrag beiträge benutzer bereich bereiche bericht berichte beruf bescheid bescheinigung"
    " beschreibung bestand bestätigung bestellung besuch beteiligung betrag beträge betrieb beutel"
    " bewertung bezug bild bilder blatt block boden brief briefe buch bücher bund büro code dach datei"
    " dateien daten datum dauer dichte dienst dienste dosis druck ebene einheit einkommen einstellung"
    " einstellungen eintrag ende energie entgelt entschädigung entwicklung erfassung ergebnis ergebnisse"
    " erhöhung erklärung ermäßigung erstattung fach fahrt fahrten fahrzeug fahrzeuge fall fälle familie"
    " farbe fehler feier feld felder fenster ferien firma fläche flasche folge form formular formulare"
    " frage fragen frau freigabe frist fristen führer führung funktion garantie garten gas gebiet gebühr"
    " gebühren gefahr gehalt geld gelder geräte gerät gericht geschäft geschichte geschwindigkeit"
    " gesellschaft gesetz gewicht gewinn gläubiger grad grenze grenzen größe gruppe gruppen gut haftung"
    " halle handbuch handel handy haus häuser heft heim heizung hilfe hinweis hinweise höhe hof holz inhalt jahr"
    " jahre kabel kammer karte karten kasse kauf kenntnis kette kind kinder klasse klausel kleidung"
    " klinik konto konten kontrolle konzept kosten kraft kräfte kreis kredit kunde kunden kurs lager"
    " lampe land länge lehrer leistung leistungen leiter leitung lieferung linie liste listen lizenz"
    " lohn luft macht mangel mann marke maschine maschinen masse maß maßnahme maßnahmen material meister"
    " meldung menge messung methode miete mieter mitarbeiter mittel modell modul monat monate motor name"
    " namen netz nummer nummern ordnung ort orte paket papier partner pause person personal pflicht"
    " pflichten plan pläne platte platz plätze politik position preis preise problem produkt produkte"
    " programm projekt protokoll prozess prüfung prüfungen pumpe punkt punkte qualität quelle rabatt rad"
    " rahmen rate raten raum räume rechnung rechnungen recht rechte regel regeln regelung register reihe"
    " reinigung reise reisen rente reparatur rest richtlinie richtlinien risiko rohr rolle runde sache"
    " satz sätze schaden schäden schein schicht schiff schirm schlüssel schluss schrank schritt schritte"
    " schnitt schuh schuld schule schüler schutz seite seiten sicherheit sitzung software sprache staat stadt"
    " stand start station stein stelle stellen steuer steuern stoff stoffe strafe straße strecke streit"
    " strom struktur stück stufe stunde stunden summe system systeme tabelle tag tage tafel tarif tasche"
    " taste teil teile telefon temperatur termin termine test text tisch titel tür übersicht umfang unfall"
    " unterlagen unternehmen unterricht untersuchung urlaub ventil verband verbrauch verein verfahren"
    " vergütung verhältnis verkauf verkehr verlust verordnung versicherung versorgung vertrag verträge"
    " vertretung verwaltung verzeichnis vorschrift vorschriften wagen wahl wand ware waren wartung wasser"
    " wechsel weg wege weise weite welle werk werkzeug wert werte wesen wetter wirtschaft woche wochen"
    " wohnung wort wörter zahl zahlen zahlung zahlungen zeichen zeichnung zeile zeit zeiten zelle zentrum"
    " zeug zeugnis ziel ziele zimmer zins zinsen zone zug zugang zulage zuschlag zuschuss zustand zweck"
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
