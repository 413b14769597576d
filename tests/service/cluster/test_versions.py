from hadua.service.cluster.versions import differences, versions_here


def test_a_node_like_this_one_differs_in_nothing() -> None:
    assert differences(versions_here(), versions_here()) == ()


def test_what_differs_is_named_with_both_sides() -> None:
    found = {**versions_here(), "torch": "2.9.0", "cuda": "13"}

    assert differences(found, versions_here()) == (
        ("torch", "2.9.0", versions_here()["torch"]),
        ("cuda", "13", "none"),
    )
