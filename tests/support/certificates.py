"""A level as it might be measured."""

from hadua.service.certify.measured import Level, Load

LEVEL = Level(
    load=Load(people=2, channels=62, rate_hz=1000.0, gaze_rate_hz=120.0, seconds=50.0),
    decisions=200,
    expected=200,
    labelled=180,
    arrival_ms=(2.0, 5.0, 9.0),
    window_ms=(12.0, 20.0, 30.0),
    longest_ms=9.5,
    lag_ms=(0.5, 2.0, 5.0),
    lost={"chunks_dropped": 0},
    histogram=((0.5, 0), (1.0, 0), (2.0, 101), (4.0, 90), (8.0, 8), (16.0, 1)),
    sender_late_ms=1.5,
    cpu_share=0.25,
)
