"""Every row of a table says which value is which, whatever file the table came from."""

import datetime
import io

import openpyxl
import pytest
from openpyxl.comments import Comment

from pipelines.errors import InputError
from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.readers import read as readers
from pipelines.indexing.readers.kinds import mime_of
from pipelines.indexing.readers.office.shown import shown
from pipelines.indexing.readers.tables import grid


def read(data: bytes, suffix: str):
    return readers.read(data, mime_of("file" + suffix), ReadLimits())


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def workbook(*rows) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    return book


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (0.15, "0%", "15%"),
        (7, "000", "007"),
        (1250, '#,##0.00 "€"', "1,250.00 €"),
        (12345, "[$€-407] #,##0", "€ 12,345"),
        (-3.5, "#,##0.00;[Red](#,##0.00)", "(3.50)"),
        (datetime.datetime(2024, 5, 1, 14, 5), "dd.mm.yyyy hh:mm", "01.05.2024 14:05"),
        (datetime.datetime(2024, 5, 1, 14, 5), "d mmmm yyyy h:mm AM/PM", "1 May 2024 2:05 PM"),
        (5551234, "000-0000", "555-1234"),
        (0.1 + 0.2, "General", "0.3"),
        (49_123_456, '#,##0.0,,"M"', "49.1M"),
        (True, "General", "TRUE"),
        (datetime.timedelta(days=1, hours=6), "[h]:mm", "30:00"),
        (datetime.timedelta(minutes=90, seconds=5), "[mm]:ss", "90:05"),
        (2.75, "# ?/?", "2 3/4"),
        (0.125, "# ??/??", "1/8"),
        (2.5, "0", "3"),
        (-1.005, "0.00", "-1.01"),
        (1e20, "0", "100000000000000000000"),
        (1234567890123456, "General", "1234567890123456"),
        (5551234567, "[<=9999999]###-####;(###) ###-####", "(555) 123-4567"),
        (5551234, "[<=9999999]###-####;(###) ###-####", "555-1234"),
        (-4, '[<0]0 "below";0 "above"', "-4 below"),
    ],
)
def test_a_value_is_read_as_it_is_shown(value, number_format, text):
    assert shown(value, number_format) == text


def test_a_workbook_shows_percents_dates_and_leading_zeros():
    book = workbook(["Code", "Share", "Until"], [42, 0.075, datetime.date(2025, 3, 9)])
    for cell, number_format in zip(book.active[2], ("0000", "0.0%", "d mmm yyyy"), strict=True):
        cell.number_format = number_format
    assert "Code: 0042; Share: 7.5%; Until: 9 Mar 2025" in read(saved(book), ".xlsx").text


def test_a_hidden_sheet_is_left_out_and_named():
    book = workbook(["Item", "Price"], ["Pear", 3])
    old = book.create_sheet("old")
    old.append(["Pear", 77])
    old.sheet_state = "hidden"
    found = read(saved(book), ".xlsx")
    assert "77" not in found.text
    assert found.notes == ["hidden sheet 'old' left out"]


def test_a_formula_without_a_result_is_shown_and_said():
    found = read(saved(workbook(["Item", "Cost"], ["Train", 310], ["Sum", "=B2*2"])), ".xlsx")
    assert "Item: Sum; Cost: =B2*2" in found.text
    assert found.notes == ["1 formula without a stored result, shown as written"]


def test_a_comment_stands_at_its_cell():
    book = workbook(["Bonus", "Percent"], ["Night", 12])
    book.active["B2"].comment = Comment("agreed in May", "Lind")
    assert "Bonus: Night; Percent: 12 (comment: agreed in May)" in read(saved(book), ".xlsx").text


def test_merged_cells_are_repeated_and_two_header_rows_joined():
    book = workbook(
        ["Region", "2023", None, "2024", None],
        [None, "Units", "Value", "Units", "Value"],
        ["North", 1, 2, 3, 4],
        [None, 5, 6, 7, 8],
    )
    for cells in ("A1:A2", "B1:C1", "D1:E1", "A3:A4"):
        book.active.merge_cells(cells)
    text = read(saved(book), ".xlsx").text
    assert "Region: North; 2023 Units: 5; 2023 Value: 6; 2024 Units: 7; 2024 Value: 8" in text


def test_two_tables_on_a_sheet_have_their_own_names():
    book = workbook(
        ["Bonus", "Percent", None, "Name", "Desk"],
        ["Night", 12, None, "Hana", "B12"],
        [],
        ["Tool", "Price"],
        ["Saw", 19],
    )
    text = read(saved(book), ".xlsx").text
    assert all(
        line in text.split("\n\n")
        for line in ("Bonus: Night; Percent: 12", "Name: Hana; Desk: B12", "Tool: Saw; Price: 19")
    )


def test_a_wrong_dimension_loses_no_rows():
    import zipfile

    made, changed = (
        io.BytesIO(saved(workbook(["Clinic", "Beds"], ["Oak", 31], ["Elm", 74]))),
        io.BytesIO(),
    )
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(
                name, old.read(name).replace(b'<dimension ref="A1:B3"', b'<dimension ref="A1"')
            )
    assert "Clinic: Elm; Beds: 74" in read(changed.getvalue(), ".xlsx").text


def test_strict_open_xml_is_read():
    """Strict files use other names for the same things. Excel writes them on request."""
    import zipfile

    made, strict = io.BytesIO(saved(workbook(["Clinic", "Beds"], ["Oak", 31]))), io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(strict, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            for of in (b"spreadsheetml/2006/main", b"officeDocument/2006/relationships"):
                pure = b"http://purl.oclc.org/ooxml/" + of.replace(b"/2006", b"")
                content = content.replace(b"http://schemas.openxmlformats.org/" + of, pure)
            new.writestr(name, content)
    assert "Clinic: Oak; Beds: 31" in read(strict.getvalue(), ".xlsx").text


def test_an_empty_workbook_says_what_it_left_out():
    book = openpyxl.Workbook()
    book.active.append(["x"])
    book.create_sheet("empty")
    book.active.sheet_state = "hidden"
    with pytest.raises(InputError, match=r"every sheet is empty .hidden sheet 'Sheet' left out"):
        read(saved(book), ".xlsx")


def test_csv_with_a_preamble_and_its_own_delimiter():
    data = b"sep=;\nMeter readings\n\nExported;2025-04-02\n\nMeter;Reading\nM-1;4,5\nM-2;7,25\n"
    assert read(data, ".csv").text.split("\n\n") == [
        "Meter readings",
        "Exported: 2025-04-02",
        "Meter: M-1; Reading: 4,5",
        "Meter: M-2; Reading: 7,25",
    ]


def test_a_stray_quote_costs_no_rows_and_a_cell_may_hold_lines():
    data = b'item,size,price\nsaw,"12,3\npipe,4,5\nrod,"long,\nthin",6\nnut,7,8\n'
    text = read(data, ".csv").text
    for line in (
        'item: saw; size: "12; price: 3',
        "item: pipe; size: 4; price: 5",
        "item: rod; size: long, thin; price: 6",
        "item: nut; size: 7; price: 8",
    ):
        assert line in text


def test_a_csv_of_figures_alone_has_no_header():
    assert read(b"1,2\n3,4\n5,6\n", ".csv").text == "1; 2\n\n3; 4\n\n5; 6"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Berlin,Germany\nParis,France\nRome,Italy\n", ["Berlin: Germany", "Paris: France", "Rome: Italy"]),
        ("Name,Peter\nAddress,Main St\nPhone,0123\n", ["Name: Peter", "Address: Main St", "Phone: 0123"]),
        ("Anna,Berlin,Red\nBo,Berlin,Blue\n", ["Anna; Berlin; Red", "Bo; Berlin; Blue"]),
        ("City,Snow\nAlta,310\nLund,12\n", ["City: Alta; Snow: 310", "City: Lund; Snow: 12"]),
        ("Land,Hauptstadt\nPeru,Lima\n", ["Land: Peru; Hauptstadt: Lima"]),
        ("first_name,hobby\nAda,chess\nBo,go\n", ["first_name: Ada; hobby: chess", "first_name: Bo; hobby: go"]),
        ("Term,Explained\nSump,the lowest part\nWeir,a low dam\n",
         ["Term: Sump; Explained: the lowest part", "Term: Weir; Explained: a low dam"]),
    ],
)  # fmt: skip
def test_the_first_row_of_a_csv_names_columns_only_where_it_does(text, expected):
    assert read(text.encode(), ".csv").text.split("\n\n") == expected


def test_a_long_row_goes_on_under_its_label():
    names = ["Part", *(f"column {n}" for n in range(60))]
    rows = [names, ["K-53", *(f"value {n}" for n in range(60))]]
    found = grid.lines(rows)
    assert len(found) > 1
    assert all(line.startswith("Part: K-53; ") for line in found)
    assert "column 59: value 59" in found[-1]


def test_labels_with_values_need_no_header():
    assert grid.lines([["Monday", "10:00 - 20:00"], ["Tuesday", "closed"]]) == [
        "Monday: 10:00 - 20:00",
        "Tuesday: closed",
    ]


def test_hostile_spans_stay_small():
    """A cell of a thousand letters over all rows and columns is not repeated without end."""
    rows = [[grid.Cell("x" * 1000, columns=10**9, rows=10**9), grid.Cell("y")]]
    rows += [[grid.Cell("z")]] * 2000
    table, _, _ = grid.spread(rows)
    assert sum(len(cell) for row in table for cell in row) < 10_000_000


TWO_ROWS = [["", "Width", "", "Height", ""], ["Model", "min", "max", "min", "max"]]


def test_groups_above_a_header_need_no_merged_cells():
    """CSV, OpenDocument and careless workbooks leave the rest of a group empty."""
    rows = [*TWO_ROWS, ["Alder", "10", "20", "31", "41"], ["Birch", "11", "21", "32", "42"]]
    row = "Model: Birch; Width min: 11; Width max: 21; Height min: 32; Height max: 42"
    assert row in read("\n".join(map(",".join, rows)).encode(), ".csv").text
    book = workbook(*([int(c) if c.isdigit() else c or None for c in row] for row in rows))
    assert row in read(saved(book), ".xlsx").text


def test_units_below_a_header_are_part_of_it():
    text = read(b"Pump,Flow,Head\n,l/min,m\nP-1,120,14\nP-2,140,18\n", ".csv").text
    assert "Pump: P-2; Flow l/min: 140; Head m: 18" in text


def test_a_workbook_says_where_links_lead_and_what_charts_are_called():
    from openpyxl.chart import BarChart, Reference

    book = workbook(["Form", "Where"], ["Leave", "here"], ["Trips", 3])
    sheet = book.active
    sheet["B2"].hyperlink = "https://forms.example.org/leave-22"
    sheet.column_dimensions["A"].hidden = True
    chart = BarChart()
    chart.title = "Museum visitors"
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=3))
    sheet.add_chart(chart, "E5")
    found = read(saved(book), ".xlsx")
    assert "here (https://forms.example.org/leave-22)" in found.text
    assert "(chart: Museum visitors)" in found.text
    assert found.notes == ["1 hidden column of sheet 'Sheet' read as well"]


def test_a_ticked_box_stands_before_what_it_says():
    rows = [["☑", "Annual report"], ["☐", "Transition report"]]
    assert grid.lines(rows) == ["☑ Annual report", "☐ Transition report"]


def test_two_columns_of_words_have_names_where_the_second_names_a_kind_of_thing():
    """A list of people or terms below another table, and no form with labels and values."""
    book = workbook(
        ("Part", "Qty", "Price"), ("Bolt", 4, 1.5), ("Nut", 9, 0.2), (),
        ("Role", "Person"), ("Owner", "Ada Lovelace"), ("Cook", "Julia Child"), (),
        ("Begriff", "Bedeutung"), ("MTBF", "mittlere Zeit zwischen Ausfällen"), (),
        ("Client", "Northwind"), ("Place", "Rome"), ("Status", "open"),
    )  # fmt: skip
    lines = read(saved(book), ".xlsx").text.split("\n\n")
    assert lines[3:5] == ["Role: Owner; Person: Ada Lovelace", "Role: Cook; Person: Julia Child"]
    assert lines[5] == "Begriff: MTBF; Bedeutung: mittlere Zeit zwischen Ausfällen"
    assert lines[6:] == ["Client: Northwind", "Place: Rome", "Status: open"]
