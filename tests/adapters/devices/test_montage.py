import pytest

from hadua.adapters.devices.montage import SEED_62, SYNONYMS, canonical, is_electrode


def test_seed_has_62_places_in_their_order() -> None:
    assert len(set(SEED_62)) == len(SEED_62) == 62
    # Anchors counted by hand in the data sets' own channel list.
    assert [SEED_62.index(c) for c in ("FP1", "AF3", "FZ", "T7", "CZ", "TP7", "PZ", "POZ")] == [
        0, 3, 9, 23, 27, 32, 45, 53,
    ]  # fmt: skip
    assert SEED_62[-5:] == ("CB1", "O1", "OZ", "O2", "CB2")


@pytest.mark.parametrize("name", SEED_62)
def test_every_place_is_found_however_it_is_written(name: str) -> None:
    small = name.capitalize()
    for label in (name, name.lower(), small, f"EEG {small}-REF", f"EEG_{name}", f" {small}. ",
                  f"{small}-A1", f"{small} - LE", f"EEG {name}-M2", f"EEG:{name}"):  # fmt: skip
        assert canonical(label) == name, label
    assert is_electrode(name)


@pytest.mark.parametrize(("old", "new"), SYNONYMS.items())
def test_old_names_are_the_new_places(old: str, new: str) -> None:
    assert canonical(f"EEG {old.lower()}-ref") == new


@pytest.mark.parametrize("label", ["FP1-F7", "C3-C4", "FP1-CZ", "1", "EEG 1", "EEG", "Ch1", ""])
def test_what_is_no_single_electrode_is_not_made_one(label: str) -> None:
    assert canonical(label) not in SEED_62
    assert not is_electrode(label)


def test_canonical_names_stay_as_they_are() -> None:
    assert tuple(canonical(canonical(name)) for name in SEED_62) == SEED_62
