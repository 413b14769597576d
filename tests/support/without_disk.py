"""What must hold of a real process that cannot write, and once it can again."""

from pathlib import Path

from support.real_booth import (
    PERSON,
    Booth,
    eventually,
    require_nothing_damaged,
    rows,
    status,
)

from hadua.calibration.store import ProfileStore
from hadua.service.person_data import PROFILES


def require_words_while_nothing_can_be_written(it: Booth, session_id: str) -> None:
    """What needs the disk says so, in the documented way; what needs none goes on."""
    eventually(lambda: it.state(session_id) == "failed")
    problem = it.session(session_id)["problem"]
    assert isinstance(problem, dict)
    assert problem["code"] in ("storage-failed", "recording-failed")
    assert "disk" in str(problem["detail"])
    assert it.begin("another").status_code == 201
    eventually(lambda: it.state("another") == "failed")
    assert "disk" in str(status(it.session("another"))["reason"])
    consent = {"notice": "notice/1", "recorded_by": "tester"}
    refused = [
        it.enter("P77"),
        it.http.post(f"/api/v1/participants/{PERSON}/consent", json=consent),
    ]
    refused += [it.http.post(f"/api/v1/sessions/{session_id}/recording")]
    for answer in refused:
        assert answer.status_code in (409, 500, 503, 507), answer.text
        assert answer.json()["code"] != "internal-error", answer.text
    assert refused[0].json()["code"] == "storage-failed"
    assert "disk" in refused[0].json()["detail"]
    assert it.http.get("/healthz").status_code == 200
    assert it.http.get(f"/api/v1/sessions/{session_id}/predictions").status_code == 200
    assert it.http.get("/api/v1/participants").status_code == 200
    features = it.http.get("/api/v1/bundles").json()["bundles"][0]["features"]["eeg"]
    windows = {
        "definition": features["definition"], "version": features["version"],
        "values": [[[0.0] * features["n_features"]]],
    }  # fmt: skip
    stateless = it.http.post("/api/v1/predict", json={"eeg": windows})
    assert stateless.status_code == 200, stateless.text


def require_that_it_goes_on(it: Booth) -> None:
    """Without a restart: a session, its recording, people, older profiles."""
    eventually(lambda: it.enter("P02").status_code in (201, 409))
    eventually(lambda: it.begin("after").status_code == 201)
    it.predicts("after")
    assert it.state("after") in ("running", "degraded")
    back = it.http.post("/api/v1/sessions/after/rollback", json={"version": 1})
    assert back.status_code == 200, back.text
    assert it.http.get("/readyz").status_code == 200
    assert it.http.post("/api/v1/sessions/after/stop").status_code == 200


def require_all_of_it(folder: Path) -> None:
    """Nothing is damaged; what was refused is not there, and what was not refused is."""
    require_nothing_damaged(folder)
    assert rows(folder, "SELECT state FROM sessions WHERE id = 'before'") == [("failed",)]
    assert rows(folder, "SELECT id FROM participants ORDER BY id") == [(PERSON,), ("P02",)]
    entered = "SELECT count(*) FROM audit WHERE action = 'participant entered'"
    assert rows(folder, entered) == [(2,)]
    assert ProfileStore(folder / "data" / PROFILES).active_version(PERSON) == 1
    assert len(list((folder / "recordings").rglob("*.xdf"))) >= 2
