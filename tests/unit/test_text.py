"""Text made fit to store, and bytes of any encoding read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.text import clean
from pipelines.text.encodings import decode


@given(st.text(alphabet=st.characters()))
def test_clean_text_can_always_be_stored(anything):
    """Whatever comes in, PostgreSQL takes what comes out: UTF-8 without NUL."""
    cleaned = clean.clean(anything)
    assert "\x00" not in cleaned.text
    cleaned.text.encode("utf-8")


def test_clean_counts_what_it_takes_out():
    assert clean.clean("a\x00b\ud800c\td\n") == clean.Cleaned("abc\td\n", 2)


@given(st.text(alphabet="ab \n\n\t\x0b\r\x1c\x85\xa0\u1680\u2003\u2028\u202f\u205f\u3000"))
def test_white_space_is_reduced_alike_however_rare_it_is(anything):
    """The fast way, for texts with ordinary white space, and the slow one say the same."""
    lines = [
        re.sub("[ \t\xa0\u2000-\u200a\u202f\u3000]+", " ", x).strip() for x in anything.split("\n")
    ]
    expected = re.sub("\n{2,}", lambda found: "\n\n", "\n".join(lines)).strip()
    assert clean.tidy(anything) == expected


@given(st.text(alphabet="ab \n\r\x00\x0b\x80\x93\xad\xb0\xc3\xe2\ud800\u200b\u200d\ufeff\uffff"))
def test_a_text_with_nothing_to_clean_stays(anything):
    """A cleaned text needs no further cleaning."""
    cleaned = clean.clean(anything)
    assert not re.search("[\x00\x0b\r\xad\ud800\u200b\ufeff\uffff]", cleaned.text)
    assert clean.clean(cleaned.text).removed == 0


def test_utf8_that_was_read_as_latin1_is_put_right():
    """
    A dash that arrived as three characters is a dash again. Intact text with accents stays the
    same.
    """
    assert clean.clean("1982â\x80\x931986") == clean.Cleaned("1982–1986", 0)
    assert clean.clean("Ã© à § Ä°") == clean.Cleaned("Ã© à § Ä°", 0)


@pytest.mark.parametrize(
    ("encoding", "sample"),
    [
        ("utf-8", "Grüße aus Köln, žluťoučký kůň"),
        ("utf-8-sig", "with a byte order mark"),
        ("utf-16", "sixteen bits with a mark"),
        ("utf-16-le", "sixteen bits without a mark, little end first"),
        ("utf-16-be", "sixteen bits without a mark, big end first"),
        ("utf-32", "thirty-two bits"),
        ("cp1252", "Le café coûte 5 €, déjà payé par l'élève à côté de la forêt. " * 4),
        ("shift_jis", "これは日本語の文章です。東京は日本の首都であり、とても大きな都市です。" * 4),
        ("koi8-r", "Это русский текст, который написан в старой кодировке для проверки. " * 4),
        ("cp1255", "זהו טקסט בעברית שנכתב בקידוד ישן כדי לבדוק את הקריאה של קבצים. " * 4),
        ("big5", "這是一個用來測試舊編碼的中文句子，內容並不重要。台北是台灣的首都。" * 4),
    ],
)
def test_decode_finds_the_encoding(encoding, sample):
    assert decode.decode(sample.encode(encoding))[0] == sample


def test_language_is_named_where_there_is_enough_text():
    assert clean.language("The report describes the revenue of the company in detail.") == "en"
    assert clean.language("Der Bericht beschreibt den Umsatz des Unternehmens im Detail.") == "de"
    assert clean.language("42 – 17.3") is None


def test_hyphens_at_line_ends_are_joined_by_evidence():
    """One before a digit or capital stays, and one that the text writes inside a line as well."""
    broken = "the govern-\nment, AB\ufffe\n4471, co-\nOp, a well-\nknown and well-known Vor-\nund Nachteil"
    whole = "the government, AB-4471, co-Op, a well-known and well-known Vor- und Nachteil"
    assert clean.join_hyphens(broken) == whole


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("a well-\nknown self-\ncontained unit", "a well-known self-contained unit"),
        ("well-\nness and self-\nish", "wellness and selfish"),
        ("forty-\ntwo of fif-\nty", "forty-two of fifty"),
        ("Well-\nington", "Wellington"),
    ],
)
def test_words_that_nobody_writes_without_a_hyphen_keep_it(broken, whole):
    assert clean.join_hyphens(broken) == whole


def test_what_is_invisible_inside_words_goes_without_being_counted():
    found = clean.clean("Quell\u200bthorpe four\u00adteen re\u200dady می\u200cخواهم")
    assert found == clean.Cleaned("Quellthorpe fourteen ready می\u200cخواهم", 0)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Název;Cena;Město\nŠroub M8;12,50;Plzeň\nMatice;3,20;Žďár\n"),
        ("cp1250", "Imię;Miasto;Kwota\nŁukasz Żak;Łódź;1200\n"),
        ("cp1250", "Név;Város;Összeg\nKovács Győző;Győr;1200\n"),
        ("iso8859_2", "Příliš žluťoučký kůň. Cena zboží je 120 Kč.\n"),
        ("cp1254", "İsim;Şehir;Tutar\nAyşe Yıldız;İzmir;1200\nDağlı;Muğla;900\n"),
        ("cp1252", "Það er gott að búa á Íslandi, sagði Þóra.\n"),
        ("cp1252", "Straße;Größe\nÖlgasse;7\n“quoted” – 5 €;1\n"),
        ("cp1252", "L’été à Nîmes; 12 m² à 40 € «tout compris»\n"),
        ("cp1257", "Vardas;Miestas\nŽygimantas Šulskis;Panevėžys\n"),
        ("cp850", "Der Schlüssel liegt unter der Türmatte. Größe: 12 mm.\n"),
        ("mac_roman", "Straße;Größe\nMüllerweg;12\n"),
        ("cp1251", "Имя;Город;Сумма\nИван Петров;Казань;1200\n"),
        ("cp932", "名前,年齢,住所\n佐藤太郎,30,東京\n三木英子,25,大阪\n"),
    ],
)
def test_short_texts_of_old_encodings_are_read(encoding, text):
    """A few words tell the encoding, as in a short table: all letters belong to one language."""
    assert decode.decode(text.encode(encoding))[0] == text
