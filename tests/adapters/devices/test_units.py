import pytest

from hadua.adapters.devices.units import is_raw_counts, microvolts_per


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("microvolts", 1.0),
        ("Microvolt", 1.0),
        ("micro-volts", 1.0),
        ("uV", 1.0),
        ("uVolts", 1.0),
        ("\u00b5V", 1.0),
        ("\u03bcV", 1.0),
        (" UV ", 1.0),
        ("mV", 1e3),
        ("millivolts", 1e3),
        ("V", 1e6),
        ("volts", 1e6),
        ("nV", 1e-3),
        ("0", 1e6),
        ("-6", 1.0),
    ],
)
def test_units_of_potential(unit: str, factor: float) -> None:
    assert microvolts_per(unit) == factor
    assert not is_raw_counts(unit)


@pytest.mark.parametrize(
    "unit", ["counts", "Counts", "ADC", "raw", "a.u.", "raw counts", "adc_counts", "ADU", "digital"]
)
def test_counts_have_no_scale(unit: str) -> None:
    assert microvolts_per(unit) is None
    assert is_raw_counts(unit)


@pytest.mark.parametrize("unit", ["", "unknown", "pixels", "degrees"])
def test_what_is_not_known_is_neither(unit: str) -> None:
    assert microvolts_per(unit) is None
    assert not is_raw_counts(unit)
