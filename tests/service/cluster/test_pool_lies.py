"""Answers of a pool that are none: each is the pool's fault, in words, and nobody else's."""

import functools
import json
import threading
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from support.toy_bundle import toy_bundle
from support.toy_calibration import collected, quick

from hadua.service.cluster.link import PoolLink, PoolState
from hadua.service.cluster.open_inference import OpenInferenceClient
from hadua.service.cluster.pool_http import PoolHttp
from hadua.service.cluster.remote import PoolError, PoolWrongError
from hadua.service.cluster.remote_fit import PoolFits

DEEP = b"[" * 100_000 + b"]" * 100_000
NO_JSON = (b"", b"[]", b"\xff\xfe", b'{"state":"\xff"}', b'{"state":"done","x":' + DEEP + b"}")


class Lying(PoolHttp):
    """Answers this to everything."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("http://pool.invalid:1")
        self._said = answer

    def ask(self, *asked: object, **how: object) -> bytes:
        return self._said


def profile(document: str) -> bytes:
    told = {"state": "done", "place": 0, "reason": "", "computed": ""}
    return json.dumps({**told, "files": {"profile.json": document}}).encode()


def test_a_profile_that_is_none_is_wrong(tmp_path: Path) -> None:
    request, link = quick(collected(tmp_path)), PoolLink("pool", look=lambda: None)
    link.state = PoolState.ANSWERING
    documents = ("\u00e9", "==", b64encode(DEEP).decode(), b64encode(b"\xff").decode())
    for answer in (*NO_JSON, *map(profile, documents)):
        fits = PoolFits(functools.partial(Lying, answer), link, toy_bundle(), "b-1")
        with pytest.raises(PoolWrongError, match="expected the profile that was asked for"):
            fits.fit(request, on_place=lambda _: None, stop=threading.Event())


def logits(shape: object, data: object) -> bytes:
    return json.dumps({"outputs": [{"name": "logits", "shape": shape, "data": data}]}).encode()


@pytest.mark.parametrize(
    "answer",
    [
        *NO_JSON,
        b'{"outputs":[{"name":"logits","shape":[1,3],"data":[0,0,0]}],"x":' + DEEP + b"}",
        logits([1, 3], [0.0, 0.0]),
        logits([2**63, 3], [0.0, 0.0, 0.0]),
        logits([-(2**63)], [0.0, 0.0, 0.0]),
        logits([3], [0.0, 0.0, 0.0]),
    ],
)
def test_logits_that_are_none_are_the_pools_fault(answer: bytes) -> None:
    client = OpenInferenceClient(Lying(answer), model="m", n_classes=3)
    x, present = np.zeros((1, 1, 2), np.float32), np.ones((1, 1, 2), np.bool_)
    with pytest.raises(PoolError, match=r"got (no )?logits"):
        client.infer(x, x, present, within_s=1.0)
