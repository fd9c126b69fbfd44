"""The alias `champion` moves only to what was compared with the version it leaves."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from modules import ROOT
from shop import DRAWN, Shop
from test_signing import write_keys

from src import paths, promote, tune
from src.tracking import decisions, promotion, registry, signing, store, versions

pytest_plugins = ["registry_fixtures"]


def judge(shop: Shop, version: str | None = None, name: str = DRAWN, dry_run: bool = False) -> promotion.Decided:
    return promotion.promote(name, version, shop.params, shop.exam, dry_run=dry_run)


def past(name: str = DRAWN) -> list[decisions.Decision]:
    client = store.connect()
    champion = versions.by_alias(client, name, versions.CHAMPION)
    return decisions.history(client, name, champion and champion.number)


def why_not(done: promotion.Decided) -> str:
    assert done.judgement is not None
    return done.judgement.why_not()


def failed(done: promotion.Decided) -> list[str]:
    assert done.judgement is not None
    return [rule.rule for rule in done.judgement.rules if not rule.passed]


def test_better_versions_become_champion_one_after_the_other_and_history_says_so(
    shop: Shop, capsys: pytest.CaptureFixture
):
    for model in ("poor", "fair", "good"):
        shop.add(model)
        promote.main(["--reason", f"{model} is what we have"] + ["--version", "1"] * (model == "poor"))
    assert shop.champion() == "3"
    printed = capsys.readouterr().out
    assert "there is no champion yet" in printed
    assert "version 3, against version 2, the champion" in printed
    assert "3 times by now" in printed
    assert [(one.outcome, one.before, one.version) for one in past()] == [
        ("promoted", None, "1"), ("promoted", "1", "2"), ("promoted", "2", "3"),
    ]  # fmt: skip
    promote.main(["--history"])
    assert "fair is what we have" in capsys.readouterr().out


def test_history_says_that_nothing_was_in_production_yet(shop: Shop, capsys: pytest.CaptureFixture):
    shop.add("good", protocol="pooled")
    with pytest.raises(SystemExit):
        promote.main([])
    capsys.readouterr()
    promote.main(["--history"])
    printed = capsys.readouterr().out
    assert "was never in production\n\nDecisions:" in printed
    assert "refused" in printed


def test_history_of_a_store_that_is_not_there_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"mlflow\.db is missing"):
        promote.main(["--history", "--name", "fer-emotion"])
    assert not list(tmp_path.iterdir())


def test_a_refusal_exits_with_1_is_kept_and_frees_the_candidate(shop: Shop):
    shop.add("good")
    promote.main([])
    worse = shop.add("poor")
    with pytest.raises(SystemExit) as left:
        promote.main(["--version", worse])
    assert left.value.code == 1
    assert shop.champion() == "1"
    assert past()[-1].outcome == "refused"
    assert "max_drop" in past()[-1].reason
    assert store.connect().get_model_version(DRAWN, worse).tags["judged"] == "refused"


def test_a_decision_keeps_who_when_and_the_evidence(shop: Shop):
    shop.add("good")
    judge(shop)
    client = store.connect()
    run = client.get_run(past()[0].run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["candidate/accuracy"] == 1
    assert run.data.params["promote.max_drop"] == "0.0"
    kept = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert kept == {"decision.txt", "decision.json", "lineage"}
    assert "@" in past()[0].who
    version = client.get_model_version(DRAWN, "1")
    assert version.tags["decision"] == past()[0].run_id
    assert (run.data.tags["to_run"], run.data.tags["to_bundle"]) == (version.run_id, version.tags["bundle"])


def test_a_dry_run_moves_nothing_but_counts_as_a_question(shop: Shop):
    shop.add("good")
    assert judge(shop, dry_run=True).outcome == "dry run"
    assert shop.champion() is None
    done = judge(shop)
    assert done.judgement is not None
    assert (done.outcome, done.judgement.asked) == ("promoted", 2)


def test_the_champion_itself_is_nothing_to_decide(shop: Shop):
    shop.add("good")
    judge(shop)
    assert judge(shop).outcome == "nothing to do"
    assert len(past()) == 1


def test_pooled_is_refused_without_asking_the_test_split(shop: Shop):
    shop.add("good", protocol="pooled")
    done = judge(shop)
    assert (failed(done), shop.champion()) == (["protocol"], None)
    assert past()[0].accuracy is None


def test_a_version_is_not_done_with_where_another_test_split_is_at_hand(shop: Shop):
    version = shop.add("good", test_digest="that of another workspace")
    assert failed(judge(shop)) == ["test split"]
    assert registry.JUDGED not in store.connect().get_model_version(DRAWN, version).tags


def test_a_drawn_model_that_was_registered_as_fer_emotion_is_refused(shop: Shop):
    shop.add("good", name="fer-emotion", drawn=True)
    assert failed(judge(shop, name="fer-emotion")) == ["faces"]
    assert shop.champion("fer-emotion") is None


def test_a_version_with_deleted_files_is_refused_with_what_is_missing(shop: Shop):
    files = shop.files(shop.add("good"))
    (files / "golden.json").unlink()
    done = judge(shop)
    assert failed(done) == ["files"]
    assert "golden.json is missing" in why_not(done)
    shutil.rmtree(files.parents[1])
    assert "MLmodel is missing" in why_not(judge(shop))
    assert shop.champion() is None


def test_a_version_with_a_changed_file_or_a_deleted_run_is_refused(shop: Shop):
    first, second = shop.add("good"), shop.add("fair")
    (shop.files(first) / "card.md").write_text("# better than it is\n")
    assert "card.md: found" in why_not(judge(shop, first))
    client = store.connect()
    client.delete_run(client.get_model_version(DRAWN, second).run_id)
    assert "is deleted" in why_not(judge(shop, second))


@pytest.mark.parametrize("path", ["artifacts/model.keras", "MLmodel", "input_example.json"])
def test_a_version_whose_other_files_were_changed_is_refused(shop: Shop, path: str):
    files = shop.files(shop.add("good")).parents[1]
    with (files / path).open("ab") as file:
        file.write(b" ")
    done = judge(shop)
    assert failed(done) == ["files"]
    assert "one was changed" in why_not(done)
    assert shop.champion() is None


def test_nobody_becomes_champion_while_the_present_one_can_not_be_compared_with(shop: Shop):
    shop.add("fair")
    judge(shop)
    shutil.rmtree(shop.files("1"))
    better = shop.add("good")
    assert failed(judge(shop, better)) == ["champion's files"]
    assert shop.champion() == "1"
    assert "judged" not in store.connect().get_model_version(DRAWN, better).tags


def test_where_other_emotions_are_allowed_the_absolute_rules_decide_and_the_table_says_so(shop: Shop):
    old = shop.add("good", labels=["happy", "sad", "angry"], test_digest="old")
    store.connect().set_registered_model_alias(DRAWN, "champion", old)
    new = shop.add("poor")
    assert failed(judge(shop, new)) == ["same_test"]
    shop.params = shop.params.model_copy(update={"same_test": None})
    done = judge(shop, new)
    assert (done.outcome, done.champion, shop.champion()) == ("promoted", old, new)
    assert done.judgement is not None
    assert "not compared with happy, sad, angry" in done.judgement.text()


def test_rollback_goes_back_step_by_step_and_skips_what_was_rolled_back(shop: Shop):
    for model in ("poor", "fair", "good"):
        judge(shop, shop.add(model))
    promotion.rollback(DRAWN, None, "it blinks")
    assert shop.champion() == "2"
    client = store.connect()
    decision = client.get_run(client.get_model_version(DRAWN, "2").tags[versions.DECISION])
    assert (decision.data.tags["outcome"], decision.data.tags["reason"]) == ("rolled back", "it blinks")
    evidence = decision.data.tags["promotion"]
    assert evidence == past()[1].run_id
    assert "decision.txt" in [file.path for file in client.list_artifacts(evidence)]
    assert "lineage/changes.diff" in [file.path for file in client.list_artifacts(decision.info.run_id, "lineage")]
    judge(shop, shop.add("good"))
    assert shop.champion() == "4"
    promotion.rollback(DRAWN, None)
    assert shop.champion() == "2", "3 was rolled back"
    promotion.rollback(DRAWN, None)
    assert shop.champion() == "1"
    with pytest.raises(ValueError, match="earlier champions: none"):
        promotion.rollback(DRAWN, None)


def test_the_command_says_what_a_dry_run_a_promotion_and_a_rollback_did(shop: Shop, capsys: pytest.CaptureFixture):
    def said(*options: str) -> str:
        promote.main([*options])
        return capsys.readouterr().out.splitlines()[-1]

    shop.add("fair")
    assert said("--history") == "No decision yet"
    assert said("--dry-run") == "dry run, nothing moved: version 1 would be promoted"
    assert said() == "promoted: the champion of fer-emotion-drawn is version 1, was none"
    shop.add("good")
    assert said() == "promoted: the champion of fer-emotion-drawn is version 2, was 1"
    assert ["there was nothing to compare it with" in one.reason for one in past()] == [True, True, False]
    assert past()[-1].reason.startswith("against version 1: difference +")
    assert said("--rollback") == "rolled back: version 1 is the champion of fer-emotion-drawn again, in place of 2"


def test_history_tells_champions_that_were_made_by_other_hands(shop: Shop, capsys: pytest.CaptureFixture):
    client = store.connect()
    client.set_registered_model_alias(DRAWN, "champion", shop.add("fair"))

    def told() -> list[list[str]]:
        capsys.readouterr()
        promote.main(["--history"])
        table = capsys.readouterr().out.partition("\n\n")[0].splitlines()[2:]
        return [re.split(r"  +", line)[:4] for line in table]

    assert told() == [["not known", "now", "version 1", "other hands"]]
    judge(shop, shop.add("good"))
    client.set_registered_model_alias(DRAWN, "champion", "1")
    judge(shop, shop.add("good"))
    client.delete_registered_model_alias(DRAWN, "champion")
    second, third = (f"{one.at:%Y-%m-%d %H:%M:%S}" for one in past())
    assert told() == [
        ["not known", second, "version 1", "other hands"],
        [second, "not known", "version 2", "promoted"],
        ["not known", third, "version 1", "other hands"],
        [third, "not known", "version 3", "promoted"],
        ["not known", "now", "none", "other hands"],
    ]


def told_of(
    *moves: tuple[str, str | None, str], accuracies: dict[str, float] | None = None, split: str = "t"
) -> list[decisions.Decision]:
    return [
        decisions.Decision("", outcome, before, to, datetime.now(UTC), "", "", (accuracies or {}).get(to), split)
        for outcome, before, to in moves
    ]


def test_the_best_champion_so_far_is_one_of_this_test_split_that_stayed():
    accuracies = {"1": 0.8, "2": 0.9, "3": 0.7, "4": 0.95}
    past = told_of(("promoted", None, "1"), ("promoted", "1", "2"), ("refused", "2", "4"), accuracies=accuracies)
    assert decisions.best_accuracy(past, "t") == 0.9
    past += told_of(("rolled back", "2", "1"), ("promoted", "1", "3"), accuracies=accuracies)
    assert decisions.best_accuracy(past, "t") == 0.8
    assert decisions.best_accuracy(past, "another") is None
    past += told_of(("promoted", "3", "4"), accuracies=accuracies, split="another")
    assert (decisions.best_accuracy(past, "t"), decisions.best_accuracy(past, "another")) == (0.8, 0.95)


def test_champions_may_not_get_worse_step_by_step(shop: Shop):
    judge(shop, shop.add("good"))
    store.connect().set_registered_model_alias(DRAWN, "champion", shop.add("poor"))
    done = judge(shop, shop.add("fair"))
    assert failed(done) == ["max_drop_from_best"]
    assert done.judgement is not None
    assert done.judgement.best == 1


def test_what_was_rolled_back_does_not_come_back_from_further_down():
    told = told_of(("promoted", None, "2"), ("promoted", "2", "3"), ("promoted", "3", "2"), ("rolled back", "2", "3"))
    assert decisions.champions(told) == ["3"]
    assert decisions.earlier_champions(told[:3], "2") == ["3"]


def test_a_champion_that_was_made_so_by_other_hands_can_be_gone_back_to():
    told = told_of(("promoted", None, "1"), ("promoted", "5", "6"))
    assert decisions.champions(told) == ["1", "5", "6"]
    assert decisions.earlier_champions(told, "6") == ["1", "5"]


def test_a_version_that_was_rolled_back_returns_only_by_its_number(shop: Shop):
    judge(shop, shop.add("fair"))
    judge(shop, shop.add("good"))
    store.connect().set_registered_model_alias(DRAWN, "candidate", "2")
    promotion.rollback(DRAWN, None, "it blinks")
    with pytest.raises(ValueError, match="rolled back \\(it blinks\\)"):
        judge(shop)
    assert judge(shop, "2").outcome == "promoted"


def test_rollback_refuses_a_champion_whose_files_are_gone_and_can_go_further_back(shop: Shop):
    for model in ("poor", "fair", "good"):
        judge(shop, shop.add(model))
    shutil.rmtree(shop.files("2"))
    with pytest.raises(ValueError, match="bundle is missing"):
        promotion.rollback(DRAWN, None)
    assert shop.champion() == "3"
    promotion.rollback(DRAWN, "1")
    assert shop.champion() == "1"


def test_promotion_signs_what_it_promotes(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    private, public = write_keys(Path(), "ours")
    monkeypatch.setenv(signing.KEY_VARIABLE, str(private))
    shop.add("good")
    judge(shop)
    signature = store.connect().get_model_version(DRAWN, "1").tags[signing.TAG]
    signing.check((shop.files("1") / "manifest.json").read_bytes(), signature, public)


def test_what_the_gate_has_not_promoted_is_not_signed(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    judge(shop, shop.add("fair"))
    client = store.connect()
    client.set_registered_model_alias(DRAWN, "champion", shop.add("poor"))
    monkeypatch.setenv(signing.KEY_VARIABLE, str(write_keys(Path(), "ours")[0]))
    with pytest.raises(ValueError, match="version 2 was made the champion by other hands, and is not signed"):
        judge(shop, "2")
    judge(shop, shop.add("good"))
    for version in ("2", "1"):
        promotion.rollback(DRAWN, version)
        assert shop.champion() == version
        assert (signing.TAG in client.get_model_version(DRAWN, version).tags) == (version == "1")


def test_a_champion_from_before_there_was_a_key_is_signed_by_promoting_it_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    shop.add("good")
    judge(shop)
    monkeypatch.setenv(signing.KEY_VARIABLE, str(write_keys(Path(), "ours")[0]))
    assert [judge(shop).outcome for _ in range(2)] == ["signed", "nothing to do"]


@pytest.mark.parametrize(
    ("moved", "outcome", "other"), [(True, "promoted", True), (True, "promoted", False), (False, "cut off", True)]
)
def test_a_promotion_killed_around_the_move_is_completed_by_the_next(
    shop: Shop, moved: bool, outcome: str, other: bool
):
    version = shop.add("good")
    client = store.connect()
    decisions.begin(client, decisions.PROMOTED, None, versions.find(client, DRAWN, version, ""), "killed after this")
    if moved:
        client.set_registered_model_alias(DRAWN, "champion", version)
    assert past()[0].outcome == outcome
    judge(shop, shop.add("poor") if other else None)
    assert client.get_run(past()[0].run_id).data.tags["outcome"] == outcome
    assert (registry.JUDGED in client.get_model_version(DRAWN, version).tags) == moved


def test_a_rollback_killed_after_the_move_is_completed_by_the_next_and_goes_no_further(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    for model in ("poor", "fair", "good"):
        judge(shop, shop.add(model))
    with monkeypatch.context() as patch:
        patch.setattr(decisions, "finish", lambda *_: exit())
        with pytest.raises(SystemExit):
            promotion.rollback(DRAWN, None)
    assert shop.champion() == "2"
    done = promotion.rollback(DRAWN, None)
    assert (done.outcome, done.version, done.champion) == ("rolled back", "2", "3")
    assert shop.champion() == "2"
    client = store.connect()
    decision = client.get_run(client.get_model_version(DRAWN, "2").tags[versions.DECISION])
    assert (decision.info.status, decision.data.tags["outcome"]) == ("FINISHED", "rolled back")
    promotion.rollback(DRAWN, None)
    assert shop.champion() == "1"


@pytest.mark.parametrize("deleted", [False, True])
def test_a_refusal_that_was_killed_is_completed_by_the_next(shop: Shop, monkeypatch: pytest.MonkeyPatch, deleted: bool):
    judge(shop, shop.add("good"))
    worse = shop.add("poor")
    with monkeypatch.context() as patch:
        patch.setattr(decisions, "finish", lambda *_: exit())
        with pytest.raises(SystemExit):
            judge(shop, worse)
    client = store.connect()
    assert registry.JUDGED not in client.get_model_version(DRAWN, worse).tags
    if deleted:
        client.delete_model_version(DRAWN, worse)
    judge(shop, shop.add("poor"))
    assert client.get_run(past()[1].run_id).data.tags["outcome"] == "refused"
    if not deleted:
        assert client.get_model_version(DRAWN, worse).tags[registry.JUDGED] == "refused"


def test_a_search_hands_no_other_candidate_than_its_winner_to_the_gate(shop: Shop):
    winner, other = shop.add("good"), shop.add("poor")
    paths.write_json(paths.MODELS / "registered.json", {"version": winner})
    tune.demand_candidate(DRAWN)
    store.connect().set_registered_model_alias(DRAWN, versions.CANDIDATE, other)
    with pytest.raises(ValueError, match=f"--version {winner}` judges the winner"):
        tune.demand_candidate(DRAWN)


def test_decisions_about_a_model_that_was_deleted_are_not_those_of_the_new_versions(shop: Shop):
    for model in ("poor", "fair", "good"):
        assert judge(shop, shop.add(model)).outcome == "promoted"
    store.connect().delete_registered_model(DRAWN)
    assert past() != [], "of no model but the deleted one"
    assert shop.add("good") == "1"
    judge(shop, shop.add("good"))
    assert [(one.version, one.outcome) for one in past()] == [("2", "promoted")]
    with pytest.raises(ValueError, match="earlier champions: none"):
        promotion.rollback(DRAWN, None)


def test_decisions_about_a_model_that_was_deleted_say_nothing_of_the_same_bundles_in_a_new_one(shop: Shop):
    for _ in range(2):
        for model in ("fair", "good"):
            shop.add(model)
            judge(shop)
        assert [(one.outcome, one.version) for one in past()] == [("promoted", "1"), ("promoted", "2")]
        promotion.rollback(DRAWN, None)
        store.connect().delete_registered_model(DRAWN)


def test_deleted_decisions_are_not_taken_for_none(shop: Shop):
    judge(shop, shop.add("good"))
    client = store.connect()
    client.delete_experiment(client.get_experiment_by_name(decisions.EXPERIMENT).experiment_id)
    with pytest.raises(ConnectionError, match="the experiment promotions is deleted"):
        promote.main(["--history"])


def test_a_slower_candidate_is_refused_and_a_quicker_one_is_not(shop: Shop):
    shop.models = shop.models | {"slow": (ROOT / "app/public/model/emotion.tflite").read_bytes()}
    shop.params = shop.params.model_copy(update={"max_latency_ratio": 1.5})
    quick, slow = shop.add("good"), shop.add("slow")
    for champion, candidate, refused in ((quick, slow, True), (slow, quick, False)):
        store.connect().set_registered_model_alias(DRAWN, "champion", champion)
        assert ("max_latency_ratio" in failed(judge(shop, candidate))) is refused


def test_a_name_without_versions_is_refused_in_one_line(shop: Shop):
    with pytest.raises(ValueError, match=r"fer-emotion has no version with the alias .candidate. .*src\.register"):
        judge(shop, name="fer-emotion")
    with pytest.raises(ValueError, match="has no version 7"):
        judge(shop, "7")
