"""What is kept of a frame is word for word what was sent, and smaller."""

from hypothesis import given
from hypothesis import strategies as st

from hadua.service.storage.packing import packed, unpacked

NAMES = [f"C{k}" for k in range(62)]
QUALITY = (
    '{"type":"quality","v":1,"session_id":"s-1","epoch":9,"seq":7,"eeg":{"names":'
    + str(NAMES).replace("'", '"').replace(" ", "")
    + ',"states":['
    + ",".join(['"good"'] * 62)
    + '],"flags":{},"interpolated":[],"left_out":[],"numbers":{"eeg_uv":['
    + ",".join(f"{5 + k * 0.137:.2f}" for k in range(62))
    + "]}}}"
)


@given(st.text(max_size=2000).filter(lambda text: not text.startswith("z1:")))
def test_any_text_comes_back(text: str) -> None:
    assert unpacked(packed(text)) == text


def test_a_frame_takes_less_than_half_the_room_and_comes_back() -> None:
    kept = packed(QUALITY)

    assert unpacked(kept) == QUALITY
    assert len(kept) < 0.5 * len(QUALITY)
    assert kept.isascii()


def test_rows_of_before_are_read_as_they_are() -> None:
    assert unpacked(QUALITY) == QUALITY
