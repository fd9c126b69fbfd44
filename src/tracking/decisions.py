"""The history of champions: every decision is an MLflow run in the experiment `promotions`.

MLflow keeps no history of aliases. A decision is written down before it moves the alias and completed after; one that
was cut off between the two is completed by the next, which sees where the alias is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from src.config import flat
from src.params import PromoteParams
from src.tracking import gate, lineage, machine, registry, store, versions
from src.tracking.description import log_code
from src.tracking.judgement import Judgement

EXPERIMENT = "promotions"
PROMOTED, ROLLED_BACK, REFUSED, DRY_RUN, OVERTAKEN = "promoted", "rolled back", "refused", "dry run", "overtaken"
CUT_OFF = "cut off"
MODEL_CREATED = "model_created"
"""Tag of a decision: when its registered model was made, by the store's clock, in ms; a later one may have its name."""
STARTED = "started: "
"""Before the outcome that a decision is about to have; it moves the alias next."""


class Decision(NamedTuple):
    """One decision, as it stands in the store.

    Attributes:
        run_id: Its run.
        outcome: One of the words above.
        before: The champion that it met; None where there was none.
        version: The version that it is about.
        at: When, UTC.
        who: Who asked for it.
        reason: What they, or the rules, said.
        accuracy: The version's on test; None where it was not asked.
        test_digest: sha256 of that test split; None where it was not asked.
    """

    run_id: str
    outcome: str
    before: str | None
    version: str
    at: datetime
    who: str
    reason: str
    accuracy: float | None
    test_digest: str | None


def begin(
    client: Any, outcome: str, before: str | None, version: versions.Version, reason: str,
    judgement: Judgement | None = None, params: PromoteParams | None = None, promotion: str | None = None,
) -> str:  # fmt: skip
    """Write a decision down with its evidence, before anything is moved; gives the run's id.

    A rollback judges nothing: its evidence is that of the earlier decision whose run `promotion` names.
    """
    from mlflow.entities import Metric, Param

    tags = {
        **lineage.tags("src/promote.py"),
        **machine.process_tags(),
        "name": version.name,
        "from": before or "",
        "to": version.number,
        "to_run": version.run_id,
        "to_bundle": version.tags.get("bundle", ""),
        MODEL_CREATED: str(client.get_registered_model(version.name).creation_timestamp),
        "reason": reason,
        "outcome": STARTED + outcome,
        **({"test_digest": judgement.test_digest} if judgement is not None and judgement.asked else {}),
        **({"promotion": promotion} if promotion else {}),
        **({registry.JUDGED: outcome} if _stands(outcome, judgement) else {}),
    }
    title = f"{version.name}: {before or 'none'} to {version.number}"
    run_id = client.create_run(store.named_experiment(client, EXPERIMENT), tags=tags, run_name=title).info.run_id
    log_code(client, run_id, lineage.changes(), lineage.packages())
    if judgement is not None:
        metrics = [Metric(key, float(value), 0, 0) for key, value in judgement.metrics().items()]
        rules = flat("promote", params) if params else {}
        client.log_batch(run_id, metrics=metrics, params=[Param(key, str(value)) for key, value in rules.items()])
        client.log_text(run_id, judgement.text() + "\n", "decision.txt")
        table = [rule._asdict() for rule in judgement.rules]
        client.log_dict(run_id, {"rules": table, "measured": judgement.metrics()}, "decision.json")
    return run_id


def finish(client: Any, run_id: str, outcome: str) -> None:
    """Complete a decision; the version that it has made the champion names it, unless it was deleted since."""
    tags = client.get_run(run_id).data.tags
    if versions.by_number(client, tags["name"], tags["to"]):
        if outcome in (PROMOTED, ROLLED_BACK):
            client.set_model_version_tag(tags["name"], tags["to"], versions.DECISION, run_id)
        if outcome == tags.get(registry.JUDGED):
            client.set_model_version_tag(tags["name"], tags["to"], registry.JUDGED, outcome)
    client.set_terminated(run_id, status="KILLED" if outcome == CUT_OFF else "FINISHED")
    client.set_tag(run_id, "outcome", outcome)  # last: `settle` goes by it


def _stands(outcome: str, judgement: Judgement | None) -> bool:
    """Say whether the version is done with; one that was refused for what lies elsewhere is judged again."""
    faults = [rule.rule for rule in judgement.rules if not rule.passed] if judgement is not None else []
    return outcome == PROMOTED or (outcome == REFUSED and not set(faults) & set(gate.ELSEWHERE))


def history(client: Any, name: str, champion: str | None) -> list[Decision]:
    """Give the decisions about a registered model, oldest first.

    Not those about versions of a model of this name that was deleted, whose numbers come again.

    Args:
        client: Of the store.
        name: The registered model.
        champion: Where the alias is: whether a decision that was cut off had moved it shows only there.
    """
    is_ours = _those_of(client, name)
    found = []
    for run in filter(is_ours, _runs(client, f"tags.name = '{name}'")):
        tags, info = run.data.tags, run.info
        outcome = tags["outcome"]
        if outcome.startswith(STARTED):
            intended = outcome.removeprefix(STARTED)
            moves = intended in (PROMOTED, ROLLED_BACK)
            outcome = CUT_OFF if moves and tags["to"] != champion else intended
        found.append(
            Decision(
                run_id=info.run_id,
                outcome=outcome,
                before=tags["from"] or None,
                version=tags["to"],
                at=datetime.fromtimestamp(info.start_time / 1000, UTC),
                who=f"{tags['mlflow.user']}@{tags['host']}",
                reason=tags["reason"],
                accuracy=run.data.metrics.get("candidate/accuracy"),
                test_digest=tags.get("test_digest"),
            )
        )
    return found


def _those_of(client: Any, name: str) -> Callable[[Any], bool]:
    """Give the function that tells the decisions about a registered model from those about an earlier one so called."""
    there = client.search_model_versions(f"name = '{name}'")
    bundles = {str(version.version): version.tags.get("bundle", "") for version in there}
    models = client.search_registered_models(f"name = '{name}'")
    if not models:
        return lambda run: True
    born = models[0].creation_timestamp

    def is_ours(run: Any) -> bool:
        tags = run.data.tags
        if MODEL_CREATED in tags:
            return tags[MODEL_CREATED] == str(born)
        # Decisions of before this tag, the first of which lack the other, too.
        number, of = tags["to"], tags.get("to_bundle")
        return of in (None, bundles[number]) if number in bundles else run.info.start_time >= born

    return is_ours


def settle(client: Any, name: str, champion: str | None) -> list[Decision]:
    """Complete the decisions that were cut off, and give them; to be called with the lock held."""
    cut_off = {run.info.run_id for run in _runs(client, f"tags.name = '{name}' and tags.outcome LIKE '{STARTED}%'")}
    past = history(client, name, champion) if cut_off else []
    completed = [decision for decision in past if decision.run_id in cut_off]
    for decision in completed:
        finish(client, decision.run_id, decision.outcome)
    return completed


def champions(past: list[Decision]) -> list[str]:
    """Give the champions so far, the present one last, without those that a rollback left behind."""
    stack: list[str] = []
    for decision in past:
        if decision.outcome == PROMOTED:
            if decision.before and decision.before not in stack[-1:]:
                stack.append(decision.before)  # the alias was put there by other hands
            stack.append(decision.version)
        elif decision.outcome == ROLLED_BACK:
            while stack and stack[-1] != decision.version:
                dropped = stack[-1]
                stack = [version for version in stack if version != dropped]
            stack = stack or [decision.version]
    return stack


def earlier_champions(past: list[Decision], present: str) -> list[str]:
    """Give the champions before the present one, the latest last; all of them if it was not made so here."""
    stack = champions(past)
    if present in stack:
        while stack.pop() != present:
            pass
    return [version for version in stack if version != present]


def promotion_of(client: Any, past: list[Decision], version: versions.Version) -> str | None:
    """Give the run of the last decision that promoted this bundle; None where other hands put the alias on it."""
    ids = [one.run_id for one in past if (one.outcome, one.version) == (PROMOTED, version.number)]
    judged = ids and client.get_run(ids[-1]).data.tags.get("to_bundle") == version.tags.get("bundle", "")
    return ids[-1] if judged else None


def rolled_back(past: list[Decision]) -> dict[str, str]:
    """Give the versions that were taken out of production and not promoted again, with the reason."""
    out: dict[str, str] = {}
    for decision in past:
        if decision.outcome == ROLLED_BACK and decision.before:
            out[decision.before] = decision.reason
        elif decision.outcome == PROMOTED:
            out.pop(decision.version, None)
    return out


def best_accuracy(past: list[Decision], test_digest: str) -> float | None:
    """Give the best accuracy on this test split among the champions that no rollback left behind."""
    stack = champions(past)
    found = [
        decision.accuracy
        for decision in past
        if decision.outcome == PROMOTED and decision.version in stack
        and decision.test_digest == test_digest and decision.accuracy is not None
    ]  # fmt: skip
    return max(found, default=None)


def times_asked(client: Any, test_digest: str) -> int:
    """Count how often the gate has asked this test split, for whichever registered model."""
    return len(_runs(client, f"tags.test_digest = '{test_digest}'"))


def _runs(client: Any, wanted: str) -> list:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return []
    store.demand_living(experiment)
    order = ["attributes.start_time ASC"]
    return list(client.search_runs([experiment.experiment_id], wanted, max_results=50_000, order_by=order))
