import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest

from src import paths
from src.fer2013 import EMOTIONS, Split
from src.network import checkpoints, distillation
from src.network.architectures import build
from src.network.checkpoints import Checkpoint, State, Weights
from src.network.distillation import Teacher
from src.network.fitting import Batch, Fit, ahead, batches, fit, mix, predict, taught
from src.params import EarlyStopping, Growth, ModelParams, Plateau, TeacherParams, TrainParams

Faces = tuple[Split, Split]
EPOCHS = 3


class Training(NamedTuple):
    """A finished training, and its state after the last epoch."""

    fit: Fit
    last: State


def save_member(model: keras.Model, number: int) -> None:
    """Save a member of the teacher where the stage `teacher` does."""
    paths.teacher(number).mkdir(parents=True)
    with pytest.warns(DeprecationWarning, match="__array__"):  # of Keras 3, under NumPy 2
        model.save(paths.teacher(number) / "model.keras")


def train(model: ModelParams, params: TrainParams, faces: Faces, teacher: Teacher | None = None) -> Training:
    """Train without stopping."""
    states: list[State] = []

    def keep(state: State) -> bool:
        states.append(state)
        return False

    return Training(fit(model, params, *faces, classes=3, teacher=teacher, on_epoch_end=keep), states[-1])


def same(one: Weights, other: Weights) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def few(faces: Faces) -> Faces:
    """Give 100 train and 30 val faces: batches of 16 leave 4 out."""
    return Split(faces[0].images[:100], faces[0].labels[:100]), Split(faces[1].images[:30], faces[1].labels[:30])


@pytest.fixture(scope="module")
def dcnn(model_params: ModelParams) -> ModelParams:
    return model_params.model_copy(update={"architecture": "dcnn", "width": 0.125, "dropout": 0.5})


@pytest.fixture(scope="module")
def plateau(train_params: TrainParams) -> TrainParams:
    """Give Nadam, averaged weights, and a plateau schedule that lowers the rate after every epoch but the first."""
    change = {"seed": 3, "epochs": EPOCHS, "batch_size": 16, "optimizer": "nadam", "learning_rate": 0.003}
    change |= {
        "schedule": "plateau",
        "early_stopping": None,
        "mixup": 0.2,
        "average_decay": 0.9,
        "precision": "float32",
    }
    change["plateau"] = Plateau(patience=1, min_delta=0.9, factor=0.5, min_learning_rate=1e-7)
    return train_params.model_copy(update=change)


@pytest.fixture
def brief(plateau: TrainParams, eager: None) -> TrainParams:
    """Give one step of SGD an epoch, each operation at once."""
    return plateau.model_copy(update={"optimizer": "sgd", "batch_size": 100, "average_decay": None})


@pytest.fixture(scope="module")
def undisturbed(dcnn: ModelParams, plateau: TrainParams, few: Faces) -> Training:
    return train(dcnn, plateau, few)


def test_as_many_val_images_right_are_the_same_number(undisturbed: Training, few: Faces) -> None:
    count = len(few[1].labels)
    found = [epoch["val_accuracy"] for epoch in undisturbed.fit.history]
    assert found == [round(accuracy * count) / count for accuracy in found]


def test_batches_are_a_function_of_seed_and_epoch(plateau: TrainParams, few: Faces) -> None:
    first, again = (list(batches(plateau, few[0], 3, epoch=2)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert same(list(one), list(other))
    other_epoch = next(batches(plateau, few[0], 3, epoch=1))
    other_seed = next(batches(plateau.model_copy(update={"seed": 4}), few[0], 3, epoch=2))
    assert not np.array_equal(first[0][0], other_epoch[0])
    assert not np.array_equal(first[0][0], other_seed[0])


def test_an_image_comes_at_most_once_an_epoch_with_its_own_label_and_others_are_left_out_each_time(
    plateau: TrainParams, few: Faces
) -> None:
    params = plateau.model_copy(update={"augmentation": None, "mixup": None})
    place = {image.tobytes(): index for index, image in enumerate(few[0].images)}
    left_out = []
    for epoch in range(3):
        seen = list(batches(params, few[0], 3, epoch))
        assert [images.shape for images, _ in seen] == [(16, 48, 48, 1)] * 6
        indices = [place[image.astype(np.uint8).tobytes()] for images, _ in seen for image in images]
        assert len(set(indices)) == 96
        assert np.concatenate([targets.argmax(axis=1) for _, targets in seen]).tolist() == list(few[0].labels[indices])
        left_out.append(frozenset(range(100)) - set(indices))
    assert len(set(left_out)) == 3


def test_augmentation_moves_the_images_and_keeps_their_labels(plateau: TrainParams, few: Faces) -> None:
    moved, targets = next(batches(plateau.model_copy(update={"mixup": None}), few[0], 3, epoch=0))
    assert (moved.dtype, moved.min() >= 0, moved.max() > 1) == (np.float32, True, True)
    originals = few[0].images.astype("float32")
    assert not any((originals == image).all(axis=(1, 2, 3)).any() for image in moved)
    assert sorted(targets.reshape(-1)) == [0] * 32 + [1] * 16


def test_growth_shows_small_images_first_and_whole_ones_then(plateau: TrainParams, few: Faces) -> None:
    params = plateau.model_copy(update={"growth": Growth(side=24, share=0.5), "epochs": 4})
    sides = [next(batches(params, few[0], 3, epoch))[0].shape[1:3] for epoch in range(4)]
    assert sides == [(24, 24), (24, 24), (48, 48), (48, 48)]


def test_a_network_that_knows_its_side_refuses_to_grow(dcnn: ModelParams, plateau: TrainParams, few: Faces) -> None:
    with pytest.raises(ValueError, match=r"dcnn .* expected train.growth: null"):
        fit(dcnn, plateau.model_copy(update={"growth": Growth(side=24, share=0.5)}), *few, classes=3)


def test_a_teacher_gives_its_share_of_each_target_for_the_very_images_that_are_shown() -> None:
    images, targets = np.array([[1.0], [2.0]]), np.eye(2)
    ((shown, mixed),) = taught([(images, targets)], Teacher(lambda asked, _: asked / 4 * [1, 0], []), share=0.75)
    assert shown is images
    assert mixed.tolist() == [[0.25 + 0.75 / 4, 0], [0.75 / 2, 0.25]]


def test_a_teacher_that_has_no_share_is_not_asked() -> None:
    def refuse(*_: object) -> np.ndarray:
        raise AssertionError("asked")

    given = np.ones((1, 1)), np.eye(1)
    assert list(taught([given], Teacher(refuse, []), share=0)) == [given]


def test_the_members_of_a_teacher_take_turns_and_are_asked_about_the_students_emotions_alone(
    model_params: ModelParams, train_params: TrainParams, few: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small = model_params.model_copy(update={"width": 0.25})
    params = TeacherParams(members=2, model=small, train=train_params.model_copy(update={"precision": "float32"}))
    images = few[0].images[:4].astype("float32")
    for number, bias in enumerate(
        (
            np.log(np.arange(1, 8, dtype="float32")),  # 1 / 28 .. 7 / 28; happy is the fourth, neutral the last
            np.array([200, 0, 0, 0, 0, 0, 0], "float32"),  # so angry that nothing is left for the others
        )
    ):
        member = build(small, len(EMOTIONS))
        member.layers[-1].set_weights([np.zeros_like(member.layers[-1].get_weights()[0]), bias])
        save_member(member, number)
    teacher = distillation.load(params, ("happy", "neutral"))
    for step, expected in enumerate(([4 / 11, 7 / 11], [0.5, 0.5], [4 / 11, 7 / 11])):
        assert teacher.answer(images, step) == pytest.approx(np.tile(expected, (4, 1)), abs=1e-5)
    assert teacher.weights[-1] == pytest.approx(np.log([4, 7])), "of the first member"


def test_steps_are_counted_over_all_epochs_and_a_network_that_is_not_pretrained_takes_no_weights(
    dcnn: ModelParams, brief: TrainParams, few: Faces
) -> None:
    asked = []

    def note(images: np.ndarray, step: int) -> np.ndarray:
        asked.append(step)
        return np.full((len(images), 3), 1 / 3, "float32")

    params = brief.model_copy(update={"epochs": 2, "batch_size": 32, "distillation": 0.5, "pretrained": False})
    fit(dcnn, params, *few, classes=3, teacher=Teacher(note, []))  # no weights to begin with
    assert asked == [0, 1, 2, 3, 4, 5]


def test_a_pretrained_network_begins_as_the_first_member_for_its_emotions_alone(
    model_params: ModelParams, brief: TrainParams, few: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small = model_params.model_copy(update={"width": 0.25})
    change = {"epochs": 1, "learning_rate": 1e-9, "weight_decay": 0, "pretrained": True}
    begun = brief.model_copy(update=change)
    members = [build(small, len(EMOTIONS)) for _ in range(2)]
    for number, member in enumerate(members):
        save_member(member, number)
    teacher = distillation.load(TeacherParams(members=2, model=small, train=begun), ("happy", "sad", "neutral"))
    convolution, *_, kernel, _ = fit(small, begun, *few, classes=3, teacher=teacher).model.get_weights()
    for member, is_the_one in zip(members, (True, False), strict=True):
        kernels = member.get_weights()[-2][:, [3, 4, 6]]
        angle = np.vdot(kernel, kernels) / np.linalg.norm(kernel) / np.linalg.norm(kernels)  # the temperature scales it
        assert np.allclose(convolution, member.get_weights()[0], atol=1e-5) == is_the_one
        assert (angle > 0.9999) == is_the_one


def test_batches_ahead_come_in_order_and_no_further_ahead_than_asked() -> None:
    made = []

    def making() -> Iterator[Batch]:
        for number in range(6):
            made.append(number)
            yield np.array([number]), np.array([number])

    coming = ahead(making(), count=2)
    assert next(coming)[0] == [0]
    deadline = time.monotonic() + 10
    while len(made) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)  # in which no fourth may come
    assert made == [0, 1, 2]
    assert [int(images[0]) for images, _ in coming] == [1, 2, 3, 4, 5]


def test_an_error_in_a_batch_ahead_is_raised_when_its_turn_comes() -> None:
    def failing() -> Iterator[Batch]:
        yield np.array([0]), np.array([0])
        raise MemoryError("no room")

    coming = ahead(failing())
    assert next(coming)[0] == [0]
    with pytest.raises(MemoryError, match="no room"):
        next(coming)


class AlwaysAQuarter(np.random.Generator):
    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def beta(self, a, b):  # type: ignore[override]
        return 0.25


def test_mixup_blends_a_batch_and_its_targets_with_their_reverse() -> None:
    images = np.array([0, 100, 200], np.float32).reshape(3, 1, 1, 1)
    targets = np.eye(3, dtype=np.float32)
    blended, shares = mix(images, targets, 0.2, AlwaysAQuarter())
    assert blended.reshape(-1).tolist() == [150, 100, 50]
    assert shares.tolist() == [[0.25, 0, 0.75], [0, 1, 0], [0.75, 0, 0.25]]
    assert (blended.dtype, shares.dtype) == (np.float32, np.float32)


def stopped_after_every_epoch(
    model: ModelParams,
    params: TrainParams,
    faces: Faces,
    folder: Path,
    give_teacher: Callable[[], Teacher | None] = lambda: None,
) -> Training:
    """Train, but stop after each epoch and go on from the checkpoint file, as a new process would."""
    state: State | None = None

    def keep_and_stop(state: State) -> bool:
        checkpoints.save(folder, Checkpoint(state, run_id="run"))
        return True

    for _ in range(params.epochs):
        result = fit(model, params, *faces, classes=3, teacher=give_teacher(), on_epoch_end=keep_and_stop, resume=state)
        checkpoint = checkpoints.load(folder)
        assert checkpoint is not None
        state = checkpoint.state
    assert state is not None
    return Training(result, state)


def assert_identical(stopped: Training, undisturbed: Training) -> None:
    assert stopped.fit.history == undisturbed.fit.history
    for part in ("variables", "optimizer", "average", "best"):
        assert same(getattr(stopped.last, part), getattr(undisturbed.last, part)), part
    assert same(stopped.fit.model.get_weights(), undisturbed.fit.model.get_weights())


def test_stopping_after_every_epoch_changes_no_bit_with_plateau_nadam_dropout_and_averaging(
    undisturbed: Training, dcnn: ModelParams, plateau: TrainParams, few: Faces, tmp_path: Path
) -> None:
    assert [round(epoch["learning_rate"], 6) for epoch in undisturbed.fit.history] == [0.003, 0.003, 0.0015]
    assert_identical(stopped_after_every_epoch(dcnn, plateau, few, tmp_path), undisturbed)


def test_stopping_after_every_epoch_changes_no_bit_with_cosine_muon_bfloat16_growing_images_and_a_teacher(
    model_params: ModelParams, plateau: TrainParams, few: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = {"epochs": 2, "schedule": "cosine", "warmup_epochs": 0.5, "optimizer": "muon", "distillation": 0.9}
    change |= {"precision": "mixed_bfloat16", "growth": Growth(side=24, share=0.5)}
    change |= {"batch_size": 32}  # 3 steps an epoch: were they counted anew, another member would have the next turn
    small, growing = model_params.model_copy(update={"width": 0.25}), plateau.model_copy(update=change)
    monkeypatch.chdir(tmp_path)
    for number in range(2):
        save_member(build(small, len(EMOTIONS)), number)

    def give_teacher() -> Teacher:
        params = TeacherParams(members=2, model=small, train=growing)
        return distillation.load(params, ("happy", "sad", "neutral"))

    undisturbed = train(small, growing, few, give_teacher())
    assert undisturbed.fit.model.input_shape == (None, 48, 48, 1)
    assert {layer.dtype_policy.name for layer in undisturbed.fit.model.layers} == {"float32"}
    assert_identical(stopped_after_every_epoch(small, growing, few, tmp_path, give_teacher), undisturbed)


def test_a_training_that_is_complete_gives_its_best_epoch_and_trains_no_more(
    undisturbed: Training, dcnn: ModelParams, plateau: TrainParams, few: Faces
) -> None:
    steps: list[int] = []
    again = fit(dcnn, plateau, *few, classes=3, on_batch_end=steps.append, resume=deepcopy(undisturbed.last))
    assert steps == []
    assert again.best_epoch == undisturbed.fit.best_epoch
    assert same(again.model.get_weights(), undisturbed.fit.model.get_weights())


def test_a_state_that_was_resumed_from_is_left_as_it_was(
    undisturbed: Training, dcnn: ModelParams, brief: TrainParams, few: Faces
) -> None:
    state = deepcopy(undisturbed.last)
    longer = brief.model_copy(update={"epochs": EPOCHS + 1, "optimizer": "nadam", "average_decay": 0.9})
    result = fit(dcnn, longer, *few, classes=3, resume=state)
    assert (len(result.history), len(state.history)) == (EPOCHS + 1, EPOCHS)
    assert same(state.average, undisturbed.last.average)


def test_val_accuracy_in_the_history_is_that_of_the_model_returned(undisturbed: Training, few: Faces) -> None:
    result = undisturbed.fit
    predicted = predict(result.model, few[1].images).argmax(axis=1)
    accuracies = [epoch["val_accuracy"] for epoch in result.history]
    assert (predicted == few[1].labels).mean() == pytest.approx(max(accuracies), abs=1e-6)
    assert accuracies.index(max(accuracies)) == result.best_epoch


def test_smoothing_spreads_the_labels_and_leaves_the_val_loss_that_of_the_labels(
    dcnn: ModelParams, brief: TrainParams, few: Faces
) -> None:
    params = brief.model_copy(update={"label_smoothing": 0.3, "mixup": None, "epochs": 1})
    assert sorted(set(next(batches(params, few[0], 3, epoch=0))[1].reshape(-1).tolist())) == pytest.approx([0.1, 0.8])
    result = fit(dcnn, params, *few, classes=3)
    raw = predict(result.model, few[1].images).astype(float) ** result.temperature  # calibration divided the logits
    expected = -np.log((raw / raw.sum(axis=1, keepdims=True))[np.arange(30), few[1].labels]).mean()
    assert result.history[0]["val_loss"] == pytest.approx(expected, abs=1e-4)


def test_early_stopping_ends_the_training(dcnn: ModelParams, brief: TrainParams, few: Faces) -> None:
    stopping = EarlyStopping(patience=1, min_delta=0.9)
    result = fit(dcnn, brief.model_copy(update={"early_stopping": stopping}), *few, classes=3)
    assert len(result.history) == 2


def test_a_loss_that_is_not_finite_ends_the_training_with_the_epoch_and_the_rate(
    dcnn: ModelParams, brief: TrainParams, few: Faces
) -> None:
    params = brief.model_copy(update={"learning_rate": 1e30, "batch_size": 50})
    with pytest.raises(FloatingPointError, match=r"loss became nan in epoch 1, step \d, .*it is 1e\+30"):
        fit(dcnn, params, *few, classes=3)


def test_weights_spoilt_by_the_very_last_step_are_not_returned(
    dcnn: ModelParams, brief: TrainParams, few: Faces
) -> None:
    params = brief.model_copy(update={"learning_rate": 1e30, "epochs": 1})
    with pytest.raises(FloatingPointError, match=r"became \S+ in epoch 1, .*it is 1e\+30"):
        fit(dcnn, params, *few, classes=3)


def test_a_batch_larger_than_the_split_is_the_whole_split(dcnn: ModelParams, brief: TrainParams, few: Faces) -> None:
    steps: list[int] = []
    params = brief.model_copy(update={"batch_size": 1000, "epochs": 2})
    result = fit(dcnn, params, *few, classes=3, on_batch_end=steps.append)
    assert steps == [100, 100]
    assert len(result.history) == 2


def test_averaged_weights_are_kept_and_leave_the_initial_ones_within_a_few_steps(
    dcnn: ModelParams, brief: TrainParams, few: Faces
) -> None:
    """A plain mean with decay 0.9999 would keep 99.94 % of the initial weights after six steps."""
    params = brief.model_copy(update={"epochs": 1, "batch_size": 16, "average_decay": 0.9999})
    state = train(dcnn, params, few).last
    keras.utils.set_random_seed(params.seed)
    initial = build(dcnn, 3).trainable_variables[0].numpy()
    averaged, last = state.average[0], state.variables[0]
    assert 0 < np.linalg.norm(averaged - last) < np.linalg.norm(initial - last) / 2
    assert same(state.best, state.average)


def test_weight_decay_shrinks_kernels_and_nothing_else(dcnn: ModelParams, brief: TrainParams, few: Faces) -> None:
    params = brief.model_copy(update={"epochs": 1, "learning_rate": 0.01})
    free, decayed = (
        train(dcnn, params.model_copy(update={"weight_decay": decay}), few).last.variables for decay in (0.0, 0.5)
    )
    network = build(dcnn, 3)
    names = [variable.name for variable in network.trainable_variables + network.non_trainable_variables]
    for name, one, other in zip(names, free, decayed, strict=True):
        if name == "kernel":
            assert np.linalg.norm(other) < np.linalg.norm(one)
        else:
            assert np.array_equal(one, other), name
