import mne
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.adapters.devices.electrodes import electrode_positions, electrode_table
from hadua.adapters.devices.interpolation import spherical_spline_matrix
from hadua.adapters.devices.montage import SEED_62
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

SEED = electrode_positions(SEED_62)
HEAD_M = 0.09


def mne_interpolates(x: FloatArray, bad: list[int]) -> FloatArray:
    """MNE's public interpolation of `(n, 62)` samples, on the same places."""
    places = {name: HEAD_M * p for name, p in zip(SEED_62, SEED, strict=True)}
    info = mne.create_info(list(SEED_62), 200.0, "eeg")
    raw = mne.io.RawArray(1e-6 * x.T, info, verbose="error")
    raw.set_montage(mne.channels.make_dig_montage(places, coord_frame="head"))
    raw.info["bads"] = [SEED_62[i] for i in bad]
    raw.interpolate_bads(origin=(0.0, 0.0, 0.0), verbose="error")
    return np.asarray(1e6 * raw.get_data(picks=[SEED_62[i] for i in bad]).T)


@settings(deadline=None, max_examples=25)
@given(
    bad=st.lists(st.integers(0, 61), min_size=1, max_size=58, unique=True),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_interpolates_as_mne_does(bad: list[int], seed: int) -> None:
    x_uv = 30.0 * np.random.default_rng(seed).standard_normal((3, 62))
    good = [i for i in range(62) if i not in bad]

    ours = x_uv[:, good] @ spherical_spline_matrix(SEED[good], SEED[bad]).T

    np.testing.assert_allclose(ours, mne_interpolates(x_uv, bad), rtol=1e-6, atol=1e-6)


@given(k=st.integers(1, 62), m=st.integers(0, 20), seed=st.integers(0, 2**32 - 1))
def test_a_constant_is_kept_so_that_the_reference_does_not_matter(
    k: int, m: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    known, wanted = SEED[rng.permutation(62)[:k]], rng.standard_normal((m, 3))

    matrix = spherical_spline_matrix(known, wanted)

    assert matrix.shape == (m, k)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
def test_neither_rotation_nor_size_of_the_head_matters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    order = rng.permutation(62)
    known, wanted = SEED[order[:40]], SEED[order[40:]]

    turned = spherical_spline_matrix(0.095 * known @ rotation, 80.0 * wanted @ rotation)

    np.testing.assert_allclose(turned, spherical_spline_matrix(known, wanted), atol=1e-8)


def test_a_smooth_field_is_given_back_where_it_was_measured() -> None:
    field = np.exp(-2.0 * (1.0 - SEED @ SEED[[5, 28, 60]].T))
    given_back = spherical_spline_matrix(SEED, SEED) @ field
    np.testing.assert_allclose(given_back, field, atol=0.02)


def test_one_electrode_is_passed_on_and_two_in_one_place_share() -> None:
    assert spherical_spline_matrix(SEED[:1], SEED[5:7]).tolist() == [[1.0], [1.0]]
    twice = spherical_spline_matrix(SEED[[0, 0, 30]], SEED[10:12])
    np.testing.assert_allclose(twice[:, 0], twice[:, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("known", "wanted", "message"),
    [
        (np.empty((0, 3)), SEED[:1], "none that measured"),
        (SEED[:, :2], SEED, r"known positions.*\(62, 2\)"),
        (SEED, SEED[0], r"wanted positions.*\(3,\)"),
        (np.zeros((1, 3)), SEED, "centre of the head"),
        (SEED, np.full((1, 3), np.nan), "not finite"),
    ],
)
def test_what_is_no_place_on_a_head_is_refused(
    known: FloatArray, wanted: FloatArray, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        spherical_spline_matrix(known, wanted)


def test_the_table_is_the_template_head_that_mne_ships() -> None:
    template = mne.channels.make_standard_montage("colin27_1005").get_positions()["ch_pos"]
    metres = {name.upper(): np.asarray(p) for name, p in template.items()}
    other = mne.channels.make_standard_montage("colin27_postfixed").get_positions()["ch_pos"]
    metres |= {name.upper(): np.asarray(other[name]) for name in ("Cb1", "Cb2")}
    points = np.array([metres[name] for name in SEED_62])
    # |p|^2 = 2 p.c + (r^2 - |c|^2), linear in the centre c.
    design = np.column_stack((2.0 * points, np.ones(len(points))))
    centre = np.linalg.lstsq(design, (points**2).sum(axis=1), rcond=None)[0][:3]

    table = electrode_table()

    assert set(table) == set(metres) - {"T3", "T4", "T5", "T6"}  # which are T7, T8, P7, P8
    for name, place in table.items():
        direction = (metres[name] - centre) / np.linalg.norm(metres[name] - centre)
        np.testing.assert_allclose(place, direction, atol=1e-5, err_msg=name)


def test_mne_with_its_own_template_head_hardly_differs() -> None:
    """MNE fits its own sphere to each montage: the price of one table of unit vectors."""
    rng = np.random.default_rng(3)
    sources = rng.standard_normal((8, 200))
    x_uv = np.asarray(10.0 * (np.exp(-3.0 * (1.0 - SEED @ SEED[::8].T)) @ sources).T)
    names = {"CB1": "PO9", "CB2": "PO10"}
    info = mne.create_info([names.get(n, n) for n in SEED_62], 200.0, "eeg")
    raw = mne.io.RawArray(1e-6 * x_uv.T, info, verbose="error")
    raw.set_montage("colin27_1005", match_case=False, verbose="error")
    bad = list(range(0, 62, 3))
    raw.info["bads"] = [raw.ch_names[i] for i in bad]
    raw.interpolate_bads(verbose="error")
    theirs = 1e6 * raw.get_data()[bad].T

    good = [i for i in range(62) if i not in bad]
    ours = x_uv[:, good] @ spherical_spline_matrix(SEED[good], SEED[bad]).T

    assert np.sqrt(np.mean((ours - theirs) ** 2)) < 0.02 * np.sqrt(np.mean(theirs**2))


def test_names_are_found_however_they_are_spelled() -> None:
    by_alias = electrode_positions(["EEG t3-REF", "fp1", "M1"])
    assert by_alias.tolist() == electrode_positions(["T7", "FP1", "M1"]).tolist()
    assert electrode_positions([]).shape == (0, 3)
    with pytest.raises(InvalidInputError, match=r"'AUX1'.*10-05"):
        electrode_positions(["CZ", "AUX1"])


def test_left_and_right_front_and_back_are_where_they_should_be() -> None:
    place = dict(zip(SEED_62, SEED, strict=True))
    assert place["T7"][0] < -0.9 < 0.9 < place["T8"][0]
    assert place["OZ"][1] < -0.9 < 0.9 < place["FPZ"][1]
    assert place["CZ"][2] > 0.9
    assert place["CB1"][2] < place["O1"][2]
    assert place["CB1"][0] < place["O1"][0]
