"""`GET /api/v1/settings`: everything that is in force, and no secret."""

from support.service import Parts, async_test, running, settings_for_tests

from hadua.service.config import Settings
from hadua.service.settings_routes import in_force

URL = "postgresql://hadua:open-sesame@db/booths"


@async_test
async def test_every_setting_is_told_with_its_default_and_description() -> None:
    settings = settings_for_tests(stale_s=1.25, allowed_hosts=("booth-7",))
    async with running(Parts(settings=settings)) as service:
        answer = await service.http.get("/api/v1/settings")

    told = {each["key"]: each for each in answer.json()["settings"]}
    assert list(told) == list(Settings.model_fields)
    assert (told["stale_s"]["value"], told["stale_s"]["default"]) == (1.25, 1.5)
    assert told["allowed_hosts"]["value"] == ["booth-7"]
    assert told["data_dir"]["default"] == "hadua-data"
    assert told["stale_s"]["variable"] == "HADUA_STALE_S"
    assert {key for key, each in told.items() if each["is_set"]} >= {"stale_s", "allowed_hosts"}
    assert not told["bridge_s"]["is_set"]
    assert all(each["description"] for each in told.values())


def test_the_address_of_the_database_is_not_told() -> None:
    told = in_force(settings_for_tests(database=URL))

    (database,) = (each for each in told.settings if each.key == "database")
    assert (database.secret, database.is_set, database.value) == (True, True, None)
    assert "sesame" not in repr(told)
