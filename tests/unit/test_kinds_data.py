"""JSON, XML, notebooks, subtitles and source code are read with the names of their values."""

from tests import made
from tests.kinds import read, titles


def test_json_values_carry_their_names_and_numbers_stay_as_written():
    value = (
        '{"device": {"name": "K-53", "limit": 1.50}, "parts": [{"id": 1, "size": {"w": 2}},'
        ' {"id": 2, "tags": ["a", "b"], "steps": [{"n": 1, "do": "open"}, {"n": 2, "do": "x"}]}],'
        f' "curve": {list(range(200))}}}'
    )
    found = read(value.encode(), "a.json")
    assert "device.name: K-53\ndevice.limit: 1.50" in found.text
    assert "id: 1; size.w: 2" in found.text
    assert "id: 2; tags: a, b" in found.text
    assert "n: 1; do: open" in found.text
    assert found.notes == ["1 list of more than 100 numbers left out"]


def test_json_lines_name_the_lines_that_are_none():
    found = read(b'{"a": 1, "b": "x"}\nnothing\n{"a": 2, "b": "y"}\n', "a.jsonl")
    assert found.text == "a: 1; b: x\n\na: 2; b: y"
    assert found.notes == ["1 line not read, which is no JSON: 2"]


def test_xml_of_values_and_xml_of_texts():
    values = (
        b"<list><item id='7'><name>Pump</name></item><item id='8'><name>Valve</name></item></list>"
    )
    assert "id: 7; name: Pump" in read(values, "a.xml").text
    text = b"<book><title>Use</title><section><title>Start</title><para>Press <b>On</b>.</para></section></book>"
    found = read(text, "a.xml")
    assert found.text == "Use\n\nStart\n\nPress On."
    assert titles(found) == [(1, "Use"), (2, "Start")]


def test_xml_opens_no_other_file():
    data = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><b>safe</b><c>&x;</c></a>'
    assert "root:" not in read(data, "a.xml").text


def test_a_notebook_is_read_with_what_it_printed():
    found = read(
        made.notebook(
            {"cell_type": "markdown", "source": ["# Load\n", "Reads the file."]},
            {
                "cell_type": "code",
                "source": "if x:\n    print(x)",
                "outputs": [
                    {"text": ["42\n"]},
                    {"data": {"image/png": "iVBOR", "text/plain": "<Figure>"}},
                ],
            },
        ),
        "a.ipynb",
    )
    assert found.text == "Load\n\nReads the file.\n\nif x:\n    print(x)\n\n42"
    assert found.notes == ["1 picture not read"]


def test_subtitles_stand_under_their_time():
    srt = (
        b"1\r\n00:00:01,000 --> 00:00:03,000\r\n<i>Hello</i>\r\nthere\r\n\r\n"
        b"2\r\n00:00:04,000 --> 00:00:05,000\r\nhow are you\r\n\r\n"
        b"3\r\n00:01:05,500 --> 00:01:06,000\r\nFine\r\n"
    )
    found = read(srt, "a.srt")
    assert found.text == "At 0:00:01\n\nHello there\nhow are you\n\nAt 0:01:05\n\nFine"
    vtt = b"WEBVTT\n\nNOTE no\n\n00:05.000 --> 00:06.000 align:start\n<v Ada>Yes</v>\n"
    assert read(vtt, "a.vtt").text == "At 0:00:05\n\nAda: Yes"


def test_source_code_keeps_its_form_and_names_what_it_defines():
    code = b"class Pump:\n    def start(self):\n        return 1\n\n\ndef stop():\n    pass\n"
    found = read(code, "a.py")
    assert found.text == code.decode().replace("\n\n\n", "\n\n").rstrip("\n")
    assert titles(found) == [(1, "Pump"), (3, "start"), (1, "stop")]
