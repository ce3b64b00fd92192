"""Files as other programs write them, from the first byte to a written table; reading alone is in reading/."""

import numpy as np
import polars as pl
import pytest

draw = np.random.default_rng(0)
PEOPLE, ROWS = 30, 120
SEX = [("M", "F")[p % 2] for p in range(PEOPLE)]
LAB = draw.normal(9, 1, ROWS).round(1)
HOURS = [v * 18.5 - 14 for _ in range(PEOPLE) for v in range(4)]


def lines(visits):
    return visits(hours=HOURS, sex=SEX, lab=LAB).drop("day").write_csv().splitlines()


AROUND = {
    "trailing commas": lambda rows: "\n".join([f"{row},," for row in rows]) + "\n",
    "blank rows": lambda rows: "\n".join([*rows, ",,,", ",,,", "", ""]) + "\n",
    "a title": lambda rows: "\n".join(["Export of study X,,,", "", *rows]) + "\n",
    "old line ends": lambda rows: "\r".join(rows) + "\r",
    "all of it": lambda rows: (
        "\ufeff" + "\r\n".join(["Export of study X,,,,,", "", *[f"{row},," for row in rows], ",,,,,"]) + "\r\n"
    ),
}
SAID = {"trailing commas": "2 columns without name", "blank rows": "rows without content", "a title": "above the header"}


@pytest.mark.parametrize("what", AROUND)
def test_what_a_spreadsheet_leaves_around_a_table_changes_no_cell(brought, visits, what):
    frame = visits(hours=HOURS, sex=SEX, lab=LAB).drop("day")
    file = brought(AROUND[what](lines(visits)))
    assert file.cells.equals(frame) and file.back.equals(frame) and len(file.table) == PEOPLE
    assert SAID.get(what, "") in file.notes
    assert file.made().columns == frame.columns
    rows = [row if k % 3 else row.rsplit(",", 1)[0] + "," for k, row in enumerate(lines(visits), 2)]
    path = file.path.with_name("with_holes.csv")
    path.write_text(AROUND[what]([lines(visits)[0], *rows[1:]]))
    whole = file.completed(path)
    assert whole["lab"].null_count() == 0 and whole["lab"].str.contains(r"^\d+\.\d$").all()


@pytest.mark.parametrize(
    ("encoding", "separator"), [("utf-8-sig", ";"), ("cp1252", ";"), ("utf-8", "|"), ("utf-16", "\t"), ("utf-8", "\t")]
)
def test_a_german_export_is_read_and_completed(brought, visits, holes, encoding, separator):
    days = [f"{1 + p % 27:02d}.{3 + v:02d}.2019" for p in range(PEOPLE) for v in range(4)]
    frame = visits(
        Datum=days,
        Geschlecht=[("männlich", "weiblich")[p % 2] for p in range(PEOPLE)],
        Größe=[f"{x:.1f}".replace(".", ",") for x in draw.normal(172, 8, ROWS)],
        CRP=[f"{x:.2f}".replace(".", ",") for x in draw.lognormal(2, 0.8, ROWS)],
    )
    frame = frame.drop("day").rename({"id": "PatNr"})
    text = frame.write_csv(separator=separator, line_terminator="\r\n")
    file = brought(text.encode(encoding))
    assert (file.schema.identifier.name, file.schema.time.name) == ("PatNr", "Datum")
    assert file.schema["Größe"].kind == file.schema["CRP"].kind == "real" and file.back.equals(frame)
    path = file.path.with_name("given.csv")
    path.write_bytes(holes(frame, "Größe", "CRP").write_csv(separator=separator).encode(encoding))
    whole = file.completed(path)
    assert whole["Größe"].str.contains(r"^\d{3},\d$").all() and whole["CRP"].str.contains(r"^\d+,\d\d$").all()


def intensive(pid: bool) -> pl.DataFrame:
    """Hours of a stay: numbers written as decimals, NaN where nothing was measured."""
    rows = []
    for p in range(20):
        for hour in range(1, 9):
            few = [
                x if draw.random() < 0.6 else "NaN"
                for x in (f"{draw.normal(37, 0.6):.2f}", f"{draw.lognormal(0.5, 0.4):.1f}")
            ]
            rows.append(
                (f"p{p:06d}", f"{draw.normal(85, 12):.0f}.0", *few, f"{40 + p}.0", f"{p % 2}", f"{hour}", f"{p % 3 // 2}")
            )
    frame = pl.DataFrame(rows, ["pid", "HR", "Temp", "Lactate", "Age", "Gender", "ICULOS", "SepsisLabel"], orient="row")
    return frame if pid else frame.drop("pid")


def test_hours_of_an_intensive_stay_between_pipes(brought):
    frame = intensive(pid=True)
    file = brought(frame.write_csv(separator="|"), "stays.psv", time="ICULOS")
    assert len(file.table) == 20 and file.table.frame.height == 160
    assert file.schema["Temp"].kind == "real" and file.table.frame["Temp"].null_count() == (frame["Temp"] == "NaN").sum()
    made = file.made()
    assert not set(made["pid"]) & set(frame["pid"]) and made["pid"].str.contains(r"^p\d{6}$").all()
    assert made["HR"].str.contains(r"^\d+\.0$").all() and set(made["Gender"]) <= {"0", "1"}
    assert "NaN" not in set(made["Temp"]) and made["Temp"].null_count() > 0
    given = file.path.with_name("given.psv")
    given.write_text(frame.write_csv(separator="|"))
    whole = file.completed(given)
    assert whole["Temp"].str.contains(r"^\d\d(\.\d{1,2})?$").all()


def test_a_folder_of_stays_is_one_table(brought, tmp_path):
    frame = intensive(pid=True)
    folder = tmp_path / "stays"
    folder.mkdir()
    for (pid,), rows in frame.group_by("pid"):
        (folder / f"{pid}.psv").write_text(rows.drop("pid").write_csv(separator="|"))
    from reverie.records import read_table

    table = read_table(folder, time="ICULOS")
    assert (
        len(table) == 20
        and table.frame.height == 160
        and set(table.frame[table.schema.identifier.name]) == set(frame["pid"])
    )
