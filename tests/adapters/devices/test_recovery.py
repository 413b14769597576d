"""The expected share, against sources in a head model that nobody here wrote."""

from functools import cache

import mne
import numpy as np
import pytest

from hadua.adapters.devices.electrodes import electrode_positions
from hadua.adapters.devices.interpolation import spherical_spline_matrix
from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.devices.recovery import recovered_share, scalp_covariance
from hadua.models.features import FloatArray

SEED = electrode_positions(SEED_62)
HEAD_M = 0.09
MUSE = ("TP7", "AF3", "AF4", "TP8")
EMOTIV = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")
TEN_TWENTY = (
    *("FP1", "FP2", "F7", "F3", "FZ", "F4", "F8", "T7", "C3", "CZ", "C4", "T8"),
    *("P7", "P3", "PZ", "P4", "P8", "O1", "O2"),
)


@cache
def four_shell_head() -> FloatArray:
    """`(62, n)` average-referenced potentials of sources of any direction on the cortex."""
    rng = np.random.default_rng(1)
    at = rng.standard_normal((900, 3))
    at = at / np.linalg.norm(at, axis=1, keepdims=True)
    at = at[at[:, 2] > -0.5]
    places = {name: HEAD_M * p for name, p in zip(SEED_62, SEED, strict=True)}
    info = mne.create_info(list(SEED_62), 200.0, "eeg")
    info.set_montage(mne.channels.make_dig_montage(places, coord_frame="head"))
    head = mne.make_sphere_model((0.0, 0.0, 0.0), HEAD_M, verbose="error")
    sources = mne.setup_volume_source_space(
        pos={"rr": 0.85 * HEAD_M * at, "nn": at}, sphere=(0.0, 0.0, 0.0, HEAD_M), verbose="error"
    )
    forward = mne.make_forward_solution(
        info, trans=None, src=sources, bem=head, meg=False, verbose="error"
    )
    potential = np.asarray(forward["sol"]["data"], np.float64)
    return np.asarray(potential - potential.mean(axis=0))


@pytest.mark.parametrize(
    ("names", "tolerance"), [(MUSE, 0.05), (EMOTIV, 0.08), (TEN_TWENTY, 0.06), (SEED_62[::2], 0.04)]
)
def test_the_expected_share_is_about_what_a_head_model_gives(
    names: tuple[str, ...], tolerance: float
) -> None:
    known = [SEED_62.index(name) for name in names]
    wanted = [i for i in range(62) if i not in known]
    matrix = spherical_spline_matrix(SEED[known], SEED[wanted])
    x = four_shell_head()
    error = x[wanted] - matrix @ x[known]
    true = np.clip(1.0 - (error**2).sum(axis=1) / (x[wanted] ** 2).sum(axis=1), 0.0, 1.0)

    expected = recovered_share(SEED[known], SEED[wanted], matrix, montage=SEED)

    assert np.corrcoef(expected, true)[0, 1] > 0.97
    assert abs(expected.mean() - true.mean()) < tolerance


def test_the_nearer_the_better_and_far_away_is_nothing() -> None:
    wanted = electrode_positions(["C3"])
    near = ["C5", "C1", "FC3", "CP3"]
    shares = []
    for names in (near, ["FC5", "FC1", "CP5", "CP1"], ["FP2", "O2", "T8", "P8"]):
        known = electrode_positions(names)
        matrix = spherical_spline_matrix(known, wanted)
        shares.append(float(recovered_share(known, wanted, matrix, montage=SEED)[0]))

    assert shares[0] > 0.7 > shares[1] > 0.2
    assert shares[2] == 0.0


def test_covariance_is_one_at_home_and_falls() -> None:
    angle = np.linspace(0.0, np.pi, 100)
    covariance = scalp_covariance(np.cos(angle))
    assert covariance[0] == pytest.approx(1.0)
    assert (np.diff(covariance) < 0.0).all()


def test_a_montage_of_one_place_is_no_division_by_zero() -> None:
    one = electrode_positions(["CZ"])
    assert recovered_share(one, one, np.ones((1, 1)), montage=one).tolist() in ([0.0], [1.0])
