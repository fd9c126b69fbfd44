"""One process at a time moves the alias, whatever machine it runs on, and none holds the lock for ever."""

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest
from shop import DRAWN, Shop
from test_promotion import judge, past

from src.tracking import lock, store, versions

pytest_plugins = ["registry_fixtures"]
Start = Callable[..., subprocess.Popen]


def test_of_two_promotions_at_once_the_second_sees_that_the_champion_changed(shop: Shop, start: Start):
    judge(shop, shop.add("fair"))
    shop.add("good")
    shop.add("good")
    client = store.connect()
    with lock.held(client, DRAWN):
        racing = [start("-m", "src.promote", "--version", version) for version in ("2", "3")]
        for process in racing:  # both have compared with version 1, and want to move the alias
            assert process.stdout is not None
            assert process.stdout.readline().startswith("waiting: ")
    printed = [process.communicate(timeout=60)[0] for process in racing]
    assert sorted(process.returncode for process in racing) == [0, 1], printed
    assert sorted(one.outcome for one in past()) == ["overtaken", "promoted", "promoted"], printed
    assert any("overtaken: " in text for text in printed)
    assert shop.champion() == next(one.version for one in past() if one.before == "1" and one.outcome == "promoted")


def test_a_rollback_that_had_to_wait_goes_back_from_no_other_champion_than_it_saw(shop: Shop, start: Start):
    for model in ("poor", "fair", "good"):
        judge(shop, shop.add(model))
    client = store.connect()
    with lock.held(client, DRAWN):
        process = start("-m", "src.promote", "--rollback")
        assert process.stdout is not None
        assert process.stdout.readline().startswith("waiting: ")
        client.set_registered_model_alias(DRAWN, versions.CHAMPION, "2")
    printed, _ = process.communicate(timeout=60)
    assert "version 3 is no longer the champion; run this again" in printed
    assert process.returncode == 1
    assert shop.champion() == "2"


HOLD = """
import time
from src.tracking import lock, store
with lock.held(store.connect(), "fer-emotion-drawn"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_promotion_that_is_killed_leaves_no_lock_that_lasts(shop: Shop, start: Start, capsys: pytest.CaptureFixture):
    shop.add("good")
    holder = start("-c", HOLD)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert judge(shop).outcome == "promoted"
    assert "waiting" not in capsys.readouterr().out
    assert [model.name for model in store.connect().search_registered_models()] == [DRAWN]


def foreign_lock(seconds: float) -> None:
    tags = {"host": "elsewhere", "process": "1@1.00", "expires": str(time.time() + seconds)}
    store.connect().create_registered_model(f"{DRAWN}.promoting.abc", tags=tags)


@pytest.mark.usefixtures("shop")
def test_a_lock_of_another_machine_is_waited_for_until_its_time_is_over(capsys: pytest.CaptureFixture):
    foreign_lock(seconds=2)
    with lock.held(store.connect(), DRAWN):
        pass
    assert "waiting: fer-emotion-drawn is held by process 1 on elsewhere" in capsys.readouterr().out


@pytest.mark.usefixtures("shop")
def test_a_lock_that_does_not_end_ends_the_wait_in_one_line():
    foreign_lock(seconds=60)
    with pytest.raises(TimeoutError, match="process 1 on elsewhere"), lock.held(store.connect(), DRAWN, wait_s=0.5):
        pytest.fail("two hold the lock")


@pytest.mark.usefixtures("shop")
def test_a_lock_seen_while_it_is_removed_without_its_tags_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    client = store.connect()
    client.create_registered_model(f"{DRAWN}.promoting.abc")
    with pytest.raises(TimeoutError, match="a process that is ending"), lock.held(client, DRAWN, wait_s=0.5):
        pytest.fail("two hold the lock")
    monkeypatch.setattr(lock, "LEASE_S", 2.0)
    with lock.held(client, DRAWN):  # no lock lasts longer
        pass
    assert client.search_registered_models() == []
    assert "waiting: " in capsys.readouterr().out


@pytest.mark.usefixtures("shop")
def test_who_lost_the_lock_meanwhile_moves_nothing():
    client = store.connect()
    with lock.held(client, DRAWN) as keep:
        keep()
        client.delete_registered_model(client.search_registered_models()[0].name)
        with pytest.raises(TimeoutError, match="nothing was changed"):
            keep()
