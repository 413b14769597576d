from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.own_folders import HEADER, touch, write_table

from hadua.adapters.datasets.own_recordings import read_label_table
from hadua.models.errors import RecordingError

WHO = f"{HEADER},subject,session,stimulus"


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    touch(tmp_path, "b.xdf", "day1/a.XDF")
    write_table(
        tmp_path,
        "b.xdf,60.5,90,sad,bert,2,film 3",
        "day1/a.XDF,1e3,1010,happy,anna,,",
        "b.xdf,30,60.5,happy,bert,2,film 1",
        header=WHO,
    )

    table = read_label_table(tmp_path)

    assert table.classes == ("happy", "sad")
    b, a = table.recordings
    assert (b.file, b.path, b.subject, b.session) == ("b.xdf", tmp_path / "b.xdf", "bert", 2)
    assert [(i.line, i.start_s, i.end_s, i.label, i.stimulus) for i in b.intervals] == [
        (4, 30.0, 60.5, "happy", "film 1"),
        (2, 60.5, 90.0, "sad", "film 3"),
    ]
    assert (a.file, a.subject, a.session, a.clock) == ("day1/a.XDF", "anna", 1, "lsl")
    assert a.intervals[0].stimulus == "day1/a.XDF, line 3"


def test_without_a_subject_every_file_is_a_person(tmp_path: Path) -> None:
    touch(tmp_path, "a.xdf", "b.xdf")
    write_table(tmp_path, "a.xdf,0,1,x", "b.xdf,0,1,y")

    table = read_label_table(tmp_path)

    assert [(r.subject, r.session) for r in table.recordings] == [("a.xdf", 1), ("b.xdf", 1)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("file;start_s;end_s;label;clock", "a.xdf;0,5;12,25;fröhlich;relative"),
        ("file;start_s;end_s;label;clock", "a.xdf;0.5;12.25;fröhlich;relative"),
        ("file\tstart_s\tend_s\tlabel\tclock", "a.xdf\t0,5\t12,25\tfröhlich\trelative"),
        ("File, Start_s, End_s, Label, Clock", 'a.xdf, 0.5, 12.25, "fröhlich", Relative'),
        ("label,clock,end_s,start_s,file", "fröhlich,relative,12.25,0.5,a.xdf"),
    ],
)
def test_tables_of_spreadsheets_are_understood(
    header: str, line: str, encoding: str, tmp_path: Path
) -> None:
    touch(tmp_path, "a.xdf")
    write_table(tmp_path, line, "", header=header, encoding=encoding)

    (recording,) = read_label_table(tmp_path).recordings

    assert recording.clock == "relative"
    (interval,) = recording.intervals
    assert (interval.start_s, interval.end_s, interval.label) == (0.5, 12.25, "fröhlich")


def test_a_path_of_windows_is_a_path(tmp_path: Path) -> None:
    touch(tmp_path, "day1/a.xdf")
    write_table(tmp_path, "day1\\a.xdf,0,1,x")

    (recording,) = read_label_table(tmp_path).recordings

    assert recording.path == tmp_path / "day1" / "a.xdf"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    starts=st.lists(st.integers(0, 200), min_size=1, max_size=12, unique=True),
    length=st.integers(1, 20),
)
def test_exactly_what_overlaps_is_refused(starts: list[int], length: int, tmp_path: Path) -> None:
    touch(tmp_path, "a.xdf")
    write_table(tmp_path, *(f"a.xdf,{s},{s + length},x" for s in starts))
    overlap = any(0 < b - a < length for a in starts for b in starts)

    if overlap:
        with pytest.raises(RecordingError, match=r"column 'start_s': got .* inside the interval"):
            read_label_table(tmp_path)
    else:
        (recording,) = read_label_table(tmp_path).recordings
        assert [i.start_s for i in recording.intervals] == sorted(starts)


@pytest.mark.parametrize(
    ("header", "lines", "message"),
    [
        (HEADER, ["a.xdf,5,4,x"], r"labels.csv', line 2, column 'end_s': got 4 s, expected later"),
        (HEADER, ["a.xdf,5,5,x"], r"line 2, column 'end_s': got 5 s"),
        (HEADER, ["a.xdf,five,6,x"], r"line 2, column 'start_s': got 'five', expected a number"),
        (HEADER, ["a.xdf,nan,6,x"], r"column 'start_s': got 'nan'"),
        (HEADER, ["a.xdf,5,,x"], r"column 'end_s': got an empty field"),
        (HEADER, ["a.xdf,5,6,"], r"column 'label': got an empty field"),
        (HEADER, ["a.xdf,5,6,x", "c.xdf,1,2,x"], r"line 3, column 'file': got 'c.xdf', which is "
         r"not there, expected one of the recordings there are: 'a.xdf', 'b.xdf'"),
        (HEADER, ["a.csv,5,6,x"], r"column 'file': got 'a.csv', expected an XDF file"),
        (HEADER, ["../a.xdf,5,6,x"], r"column 'file': got '../a.xdf', expected a file in the"),
        (HEADER, ["/etc/a.xdf,5,6,x"], r"column 'file': got '/etc/a.xdf'"),
        (HEADER, ["C:\\a.xdf,5,6,x"], r"column 'file': got 'C:/a.xdf'"),
        (HEADER, ["a.xdf,1,5,x", "b.xdf,2,3,x", "a.xdf,4,6,x"],
         r"line 4, column 'start_s': got 4 s, inside the interval of line 2, expected at least 5"),
        (HEADER, ["a.xdf,1,5"], r"line 2: got 3 fields, expected 4"),
        (HEADER, ["a.xdf,1,5,x,7"], r"line 2: got 5 fields, expected 4"),
        (HEADER, [], r"got no labelled interval, expected a line with file, start_s"),
        (f"{HEADER},mood", ["a.xdf,1,5,x,y"], r"line 1: got the column 'mood', expected file, st"),
        (f"{HEADER},label", ["a.xdf,1,5,x,y"], r"line 1: got the column 'label' twice"),
        ("file,start_s,label", ["a.xdf,1,x"], r"line 1: got no column 'end_s'"),
        (f"{HEADER},clock", ["a.xdf,1,5,x,utc"], r"column 'clock': got 'utc', expected 'lsl' or"),
        (f"{HEADER},clock", ["a.xdf,1,5,x,lsl", "a.xdf,5,6,x,relative"],
         r"line 3, column 'clock': got 'relative', expected 'lsl' as in line 2"),
        (WHO, ["a.xdf,1,5,x,anna,0,"], r"column 'session': got '0', expected a whole number"),
        (WHO, ["a.xdf,1,5,x,anna,1,", "a.xdf,5,6,x,bert,1,"],
         r"line 3, column 'subject': got 'bert', expected 'anna' as in line 2"),
        (WHO, ["a.xdf,1,5,x,anna,1,", "a.xdf,5,6,x,anna,2,"], r"column 'session': got 2, exp"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_line_and_column(
    header: str, lines: list[str], message: str, tmp_path: Path
) -> None:
    touch(tmp_path, "a.xdf", "b.xdf")
    write_table(tmp_path, *lines, header=header)

    with pytest.raises(RecordingError, match=message):
        read_label_table(tmp_path)


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"labels.csv' is not there: expected a table with"):
        read_label_table(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\r\n \r\n"])
def test_an_empty_table_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(content)

    with pytest.raises(RecordingError, match="got an empty file"):
        read_label_table(tmp_path)
