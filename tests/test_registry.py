"""Which version becomes the candidate."""

from pathlib import Path

import pytest
from shop import DRAWN, Shop

from src import promote
from src.tracking import bundle, store, versions
from src.tracking.registry import found_lacking

pytest_plugins = ["registry_fixtures"]
CANDIDATE = {"data_digest": "d1", "test_digest": "t1", "val_accuracy": "0.8000"}


@pytest.mark.parametrize(("accuracy", "better"), [("0.8001", True), ("0.8000", False), ("0.7999", False)])
def test_a_version_is_the_candidate_if_it_is_better_on_val_not_if_it_is_later(accuracy: str, better: bool):
    expected = "" if better else "no more accurate on val than"
    assert found_lacking(CANDIDATE | {"val_accuracy": accuracy}, CANDIDATE) == expected


def test_accuracies_on_other_data_are_not_compared():
    lacking = found_lacking(CANDIDATE | {"val_accuracy": "0.9", "data_digest": "d2"}, CANDIDATE)
    assert lacking == "its data are not those of"


@pytest.mark.parametrize("change", [{"judged": "refused"}, {"test_digest": "t2"}])
def test_a_candidate_that_was_judged_or_can_not_be_any_more_makes_room(change: dict[str, str]):
    assert not found_lacking(CANDIDATE | {"val_accuracy": "0.1"}, CANDIDATE | change)


def test_a_version_that_was_deleted_is_registered_again_beside_what_was_left_of_it(shop: Shop):
    client = store.connect()
    first = versions.find(client, DRAWN, shop.add("good"), "")
    (shop.files(first.number) / "run_me.js").touch()
    with pytest.raises(ValueError, match="delete the version"):
        versions.fetch(client, first, Path("first"))
    client.delete_model_version(DRAWN, first.number)
    second = versions.find(client, DRAWN, shop.add("good", run_id=first.run_id), "")
    assert second.number != first.number
    bundle.verify(versions.fetch(client, second, Path("second")))
    versions.demand_unchanged(client, second)


def test_the_best_waits_for_the_gate_and_whoever_comes_after_it_was_judged_is_next(shop: Shop):
    def candidate() -> str:
        return str(store.connect().get_registered_model(DRAWN).aliases["candidate"])

    first, second = shop.add("good"), shop.add("good")
    assert (candidate(), first != second) == (first, True)
    promote.main([])
    assert shop.champion() == first
    third = shop.add("good")
    assert candidate() == third
