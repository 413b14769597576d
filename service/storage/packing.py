"""Frames as they are kept: word for word what was sent, in a quarter of the room.

A frame is JSON whose names never change, so it is deflated from a dictionary of these, and written
as text (base 85, a row stays readable by any engine). The dictionary belongs to the mark `z1:` for
ever: with another one comes another mark.
"""

import base64
import zlib

_MARK = "z1:"
_LEAST = 200  # characters: below, there is nothing to gain
_DICTIONARY = (
    b'{"source":"lsl:type=EEG","state":"live","name":"nominal_rate_hz":0,"effective_rate_hz":0,'
    b'"sample_age_s":0.00,"samples":0,"gaps":0,"lost_samples":0,"chunks_dropped":0,'
    b'"chunks_before_start":0,"chunks_withheld":0,"overflows":0,"outages":0,"last_outage_s":0.0,'
    b'"twins":0,"change":"","clock_offset_ms":0.0,"clock_uncertainty_ms":null,"lag_ms":0.0,'
    b'"lag_said_by":"","notes":[],"last_error":null}},"normalisation":"baseline",'
    b'"chunks_dropped":0,"predictions":0,"abstained":0,"latency":{"n":0,"p50_ms":0,"p95_ms":0,'
    b'"p99_ms":0},"uptime_s":0,"markers_dropped":0,"losses":{"late_windows":0,"skipped_windows":0,'
    b'"stale_samples":0},"mappings":{"eye":{"state":"unconfirmed","key":"","preset":"generic",'
    b'"device":"","coverage":1.0,"interpolated":[],"missing":[]}},"recording":null,"outlet":null,'
    b'"markers":0,"markers_late":0,"marker_streams":[]}"eeg":{"names":["FP1","FPZ","FP2","AF3",'
    b'"AF4","F7","F5","F3","F1","FZ","F2","F4","F6","F8","FT7","FC5","FC3","FC1","FCZ","FC2",'
    b'"FC4","FC6","FT8","T7","C5","C3","C1","CZ","C2","C4","C6","T8","TP7","CP5","CP3","CP1",'
    b'"CPZ","CP2","CP4","CP6","TP8","P7","P5","P3","P1","PZ","P2","P4","P6","P8","PO7","PO5",'
    b'"PO3","POZ","PO4","PO6","PO8","CB1","O1","OZ","O2","CB2"],"states":["missing","bad","noisy",'
    b'"good","good","good","good"],"flags":{},"interpolated":[],"left_out":[],"numbers":{'
    b'"eeg_uv":[0.0,0.0],"line_uv":[0.0,0.0],"noise_uv":[0.0,0.0],"jump_uv_per_ms":[0.0,0.0],'
    b'"clipped_share":[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0],"correlation":[0.9,0.9]}},'
    b'"eye":{"left":{"state":"good","measured":0.9,"on_screen":1.0},"right":{"state":"good",'
    b'"measured":1.0,"on_screen":1.0},"blink_share":0.0,"blinks_per_s":0.0}}'
    b'{"type":"quality","v":1,"session_id":"","epoch":17957,"seq":1,"start_s":0.0,"end_s":0.0,'
    b'"time_unix":1795724643.0,"modalities":{"eeg":"used","eye":"used"},'
    b'{"type":"status","v":1,"session_id":"","epoch":17957,"seq":1,"state":"running","reason":"",'
    b'"streams":{"eeg":{{"type":"prediction","v":1,"session_id":"","epoch":17957,"seq":1,'
    b'"start_s":0.0,"end_s":0.0,"time_unix":1795724644.0,"probabilities":{"negative":0.00,'
    b'"neutral":0.9,"positive":0.0},"label":"neutral","confidence":0.9,"abstained":false,'
    b'"reason":"","modalities":{"eeg":"used","eye":"used"},"quality":{"eeg":1.0,"eye":0.9},'
    b'"profile_version":0,"bundle":"hadua-demo@","latency_ms":{"wait":0.0,"queue":0.1,'
    b'"features":1.0,"model":0.5,"route":0.1,"total":1.9},"clock_uncertainty_ms":null,'
    b'"markers":[],"abstention":null,"interpolated":[],"left_out":[]}'
)


def packed(text: str) -> str:
    """A frame's text as it is kept."""
    if len(text) < _LEAST:
        return text
    deflate = zlib.compressobj(zdict=_DICTIONARY)
    small = deflate.compress(text.encode()) + deflate.flush()
    return _MARK + base64.b85encode(small).decode()


def unpacked(kept: str) -> str:
    """The text that was sent. Rows of before were kept as they are, and begin otherwise."""
    if not kept.startswith(_MARK):
        return kept
    inflate = zlib.decompressobj(zdict=_DICTIONARY)
    return inflate.decompress(base64.b85decode(kept[len(_MARK) :])).decode()
