"""
The forms of irregular verbs and nouns, a line each: *freeze froze frozen*. Pure.

A stemmer cuts endings off, and so never brings them together. Forms that are common words of their
own (*left*, *saw*, *found*, *led*) are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

_ENGLISH = """
arise arose arisen
awake awoke awoken
bear bore borne
beat beaten
begin began begun
bend bent
bind bound
bite bitten
bleed bled
blow blew blown
break broke broken
breed bred
bring brought
build built
burn burnt
buy bought
catch caught
choose chose chosen
come came
creep crept
deal dealt
dig dug
draw drew drawn
dream dreamt
drink drank drunk
drive drove driven
eat ate eaten
fall fell fallen
feed fed
fight fought
fly flew flown
forbid forbade forbidden
forget forgot forgotten
forgive forgave forgiven
freeze froze frozen
give gave given
grow grew grown
hang hung
hear heard
hide hid hidden
hold held
keep kept
know knew known
lay laid
learn learnt
lend lent
lose lost
meet met
overcome overcame
pay paid
repay repaid
ride rode ridden
ring rang rung
rise rose risen
run ran
seek sought
sell sold
send sent
sew sewn
shake shook shaken
shine shone
shoot shot
show shown
shrink shrank shrunk
sing sang sung
sink sank sunk
sit sat
sleep slept
slide slid
smell smelt
speak spoke spoken
spell spelt
spend spent
spill spilt
spin spun
stand stood
steal stole stolen
stick stuck
sting stung
strike struck
swear swore sworn
sweep swept
swim swam swum
swing swung
take took taken
teach taught
tear tore torn
tell told
think thought
throw threw thrown
undergo underwent undergone
understand understood
undertake undertook undertaken
wake woke woken
wear wore worn
weave wove woven
win won
withdraw withdrew withdrawn
write wrote written
child children
foot feet
goose geese
knife knives
leaf leaves
life lives
loaf loaves
man men
mouse mice
ox oxen
shelf shelves
thief thieves
tooth teeth
wife wives
wolf wolves
woman women
analysis analyses
criterion criteria
diagnosis diagnoses
index indices
matrix matrices
"""
_GERMAN = """
anfangen anfing angefangen anfängt
backen backt bäckt gebacken
befehlen befahl befohlen
beginnen begann begonnen
beißen biss gebissen
bergen barg geborgen
bieten geboten
anbieten angeboten
verbieten verbot verboten
binden gebunden
bitten bat gebeten
blasen blies geblasen
brechen brach gebrochen bricht
brennen brannte gebrannt verbrannt
bringen brachte gebracht
denken dachte gedacht
empfehlen empfahl empfohlen empfiehlt
entscheiden entschied entschieden
essen aß gegessen isst
fahren fuhr gefahren fährt
fallen fiel fällt
fangen fing gefangen fängt
finden fand gefunden
fliegen flog geflogen
fließen floss geflossen
fressen fraß gefressen frisst
frieren fror gefroren
einfrieren eingefroren
geben gab gegeben gibt
abgeben abgegeben
ausgeben ausgegeben
zurückgeben zurückgegeben
gehen ging gegangen
gelten galt gegolten gilt
gewinnen gewann gewonnen
gießen goss gegossen
graben grub gegraben gräbt
greifen griff gegriffen
halten hielt gehalten hält
einhalten eingehalten
hängen hing gehangen
heben hob gehoben
aufheben aufgehoben
helfen half geholfen hilft
kennen kannte gekannt
klingen klang geklungen
kommen kam gekommen
laden lud geladen lädt
einladen eingeladen
laufen lief gelaufen läuft
leiden litt gelitten
leihen lieh geliehen
ausleihen ausgeliehen
lesen las gelesen liest
liegen lag gelegen
messen maß gemessen misst
nehmen nahm genommen nimmt
teilnehmen teilgenommen
übernehmen übernahm übernommen übernimmt
nennen nannte genannt
raten riet geraten rät
reißen riss gerissen
rufen rief gerufen
anrufen angerufen
schaffen schuf geschaffen
scheinen schien geschienen
schieben schob geschoben
verschieben verschob verschoben
schießen schoss geschossen
schlafen schlief geschlafen schläft
schlagen schlug geschlagen schlägt
schließen schloss geschlossen
abschließen abgeschlossen
schmelzen schmolz geschmolzen
schneiden schnitt geschnitten
schreiben schrieb geschrieben
unterschreiben unterschrieb unterschrieben
schwimmen schwamm geschwommen
sehen sah gesehen sieht
senden sandte gesandt
singen sang gesungen
sinken sank gesunken
sitzen saß gesessen
sprechen sprach gesprochen spricht
springen sprang gesprungen
stehen gestanden
stehlen stahl gestohlen stiehlt
steigen stieg gestiegen
sterben starb gestorben stirbt
stoßen stieß gestoßen stößt
streichen strich gestrichen
tragen trug getragen trägt
treffen traf getroffen trifft
treiben trieb getrieben
treten trat getreten tritt
trinken trank getrunken
tun getan
verderben verdarb verdorben verdirbt
vergessen vergaß vergisst
verlassen verließ verlässt
verlieren verlor verloren
vermeiden vermied vermieden
wachsen wuchs gewachsen wächst
waschen wusch gewaschen wäscht
weisen wies gewiesen
werben warb geworben wirbt
werfen warf geworfen wirft
wiegen wog gewogen
wissen wusste gewusst
ziehen zog gezogen
umziehen umgezogen
einziehen eingezogen
"""


def forms() -> Iterator[tuple[str, list[str]]]:
    """The forms of each word, with its language."""
    for language, lines in (("en", _ENGLISH), ("de", _GERMAN)):
        for line in lines.split("\n"):
            if line:
                yield language, line.split()
