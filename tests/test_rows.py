import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.faces.parse import COLUMNS, PIXELS, parse_block, parse_row
from src.faces.rows import read_rows
from src.fer2013 import USAGES

ORDERS = [COLUMNS, ("emotion", "Usage", "pixels"), ("pixels", "Usage", "emotion")]


def line(seed: int = 0, columns: tuple[str, ...] = COLUMNS, **fields: str) -> bytes:
    rng = np.random.default_rng(seed)
    pixels = " ".join(map(str, rng.integers(0, 256, PIXELS)))
    found = {"emotion": str(seed % 7), "pixels": pixels, "Usage": USAGES[seed % 3]} | fields
    return ",".join(found[column] for column in columns).encode()


def csv_of(*lines: bytes) -> bytes:
    return b"\n".join([b"emotion,pixels,Usage", *lines, b""])


def pixels(*first: str) -> str:
    return " ".join([*first, *["7"] * (PIXELS - len(first))])


@st.composite
def spoilt_lines(draw: Callable) -> tuple[tuple[str, ...], list[bytes]]:
    """Good lines with up to three bytes each deleted, replaced or inserted, mostly near the ends of fields."""
    columns = draw(st.sampled_from(ORDERS))
    lines = []
    for seed in draw(st.lists(st.integers(0, 99), min_size=1, max_size=4)):
        found = bytearray(line(seed, columns))
        for _ in range(draw(st.integers(0, 3))):
            place = draw(st.integers(0, len(found)) | st.integers(0, 30) | st.integers(len(found) - 30, len(found)))
            removed = draw(st.integers(0, 2))
            found[place : place + removed] = draw(
                st.sampled_from([b"", b" ", b",", b'"', b"0", b"9", b"\0", b"\r", b"x"])
            )
        lines.append(bytes(found))
    return columns, lines


@given(spoilt_lines())
@settings(max_examples=150, deadline=None)
def test_fast_and_slow_parsing_agree_on_any_mixture_of_rows(spoilt: tuple[tuple[str, ...], list[bytes]]) -> None:
    columns, lines = spoilt
    block = parse_block(b"\n".join(lines) + b"\n", columns)
    for text, *fast, good in zip(lines, *block, strict=True):
        if good:
            slow = parse_row(text, columns)
            assert np.array_equal(fast[0], slow[0])
            assert fast[1:] == list(slow[1:])


@given(st.integers(0, 2**32 - 1), st.sampled_from([9, 99, 255, 256, 299, 999]), st.sampled_from(ORDERS))
@settings(max_examples=30, deadline=None)
def test_fast_parsing_itself_decides_plain_rows(seed: int, top: int, columns: tuple[str, ...]) -> None:
    levels = np.random.default_rng(seed).integers(0, top + 1, PIXELS)
    levels[seed % PIXELS] = top
    block = parse_block(line(3, columns, pixels=" ".join(map(str, levels))) + b"\n", columns)
    assert block.good.tolist() == [top <= 255]
    assert top > 255 or np.array_equal(block.pixels[0], levels)


@pytest.mark.parametrize("columns", ORDERS)
def test_every_grey_level_is_read_in_any_order_of_columns(columns: tuple[str, ...]) -> None:
    levels = list(range(256)) * 9
    block = parse_block(line(1, columns, pixels=" ".join(map(str, levels))) + b"\n", columns)
    assert block.good.all()
    assert block.pixels[0].tolist() == levels
    assert (block.emotions[0], block.usages[0]) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"emotion": "7"}, "emotion is '7', expected 0 to 6"),
        ({"emotion": "3.0"}, "emotion is '3.0', expected 0 to 6"),
        ({"emotion": ""}, "emotion is '', expected 0 to 6"),
        ({"Usage": "Test"}, "Usage is 'Test', expected Training, PublicTest, PrivateTest"),
        ({"Usage": "Training,1"}, "found 4 columns, expected 3"),
        ({"pixels": pixels() + " 7"}, "found 2305 pixel values, expected 2304"),
        ({"pixels": "7"}, "found 1 pixel values, expected 2304"),
        ({"pixels": pixels("9", "256")}, "pixel value 2 is '256', expected 0 to 255"),
        ({"pixels": pixels("-1")}, "pixel value 1 is '-1', expected 0 to 255"),
        ({"pixels": pixels("1e1")}, "pixel value 1 is '1e1', expected 0 to 255"),
        ({"pixels": pixels("9" * 5000)}, f"pixel value 1 is '{'9' * 37}...', expected 0 to 255"),
    ],
)
def test_a_wrong_row_is_left_out_with_its_number_and_reason(fields: dict[str, str], reason: str) -> None:
    lines = [line(seed) for seed in range(120)]
    lines[57] = line(0, COLUMNS, **fields)
    table = read_rows(io.BytesIO(csv_of(*lines)), "some.csv")
    assert table.rejected == [(58, reason)]
    assert table.rows.tolist() == [*range(1, 58), *range(59, 121)]
    assert table.emotions.tolist() == [seed % 7 for seed in range(120) if seed != 57]


def test_quotes_spaces_and_leading_zeros_are_forgiven() -> None:
    text = f' "4" ,"{pixels("007", "255")}", PublicTest'.replace(' "4" ', '"4"').encode()
    table = read_rows(io.BytesIO(csv_of(text)), "some.csv")
    assert table.images[0, 0, :3].tolist() == [7, 255, 7]
    assert (table.emotions.tolist(), table.usages.tolist(), table.rejected) == ([4], [1], [])


def test_windows_line_ends_a_byte_order_mark_and_blank_lines_change_nothing() -> None:
    lines = [line(seed) for seed in range(5)]
    plain = read_rows(io.BytesIO(csv_of(*lines)), "some.csv")
    other = read_rows(io.BytesIO(b"\xef\xbb\xbf" + csv_of(*lines, b"", b"").replace(b"\n", b"\r\n")), "some.csv")
    assert other.rejected == []
    for ours, theirs in zip(plain[:4], other[:4], strict=True):
        assert np.array_equal(ours, theirs)


def test_the_header_of_icml_face_data_is_understood() -> None:
    text = b"emotion, Usage, pixels\n" + line(5, ("emotion", "Usage", "pixels"))
    table = read_rows(io.BytesIO(text), "icml_face_data.csv")
    assert (table.emotions.tolist(), table.usages.tolist(), table.rows.tolist()) == ([5], [2], [1])


class Dribble:
    """A stream that gives fewer bytes than asked for, as a pipe does."""

    def __init__(self, text: bytes, sizes: list[int]) -> None:
        self.stream, self.sizes, self.reads = io.BytesIO(text), sizes, 0

    def read(self, size: int, /) -> bytes:
        self.reads += 1
        return self.stream.read(min(size, self.sizes[self.reads % len(self.sizes)]))


@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_rows_do_not_depend_on_where_reads_cut_the_file(sizes: list[int]) -> None:
    text = csv_of(*(line(seed) for seed in range(4)), b"").replace(b"\n", b"\r\n")
    table = read_rows(Dribble(text, [*sizes, 20_000]), "some.csv")
    assert table.rows.tolist() == [1, 2, 3, 4]
    assert table.images[3].ravel().tolist() == parse_row(line(3), COLUMNS)[0].tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "some.csv: found nothing in the first line, expected the columns emotion, pixels, Usage"),
        (b"\n", "some.csv: found nothing in the first line"),
        (b"emotion,pixels\n", "some.csv: found the header 'emotion,pixels', expected"),
        (b"PK\x03\x04" + bytes(300), "some.csv: found the header"),
        (b"emotion,pixels,Usage\n", "some.csv: found no rows"),
        (csv_of(line(0), line(1)[:400]).removesuffix(b"\n"), "some.csv: row 2: found 2 columns, expected 3, and the"),
        (csv_of(line(0), line(1)[:-1]).removesuffix(b"\n"), "some.csv: row 2: Usage is 'PublicTes', expected"),
        (csv_of(*[line(0)] * 98, b"a", b"b"), "some.csv: row 99: found 1 columns, .* 2 of 100 rows are wrong"),
        (csv_of(b"7" * (5 << 20)), "some.csv: row 1 has no end within"),
    ],
)
def test_what_is_not_fer2013_is_refused_in_one_line(text: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        read_rows(io.BytesIO(text), "some.csv")
    assert "\n" not in str(refusal.value)


def test_one_wrong_row_in_a_hundred_is_let_through() -> None:
    table = read_rows(io.BytesIO(csv_of(*[line(0)] * 99, b"x")), "some.csv")
    assert (len(table.rows), len(table.rejected)) == (99, 1)


def test_a_last_row_without_a_line_end_counts() -> None:
    assert len(read_rows(io.BytesIO(csv_of(line(0), line(1)).removesuffix(b"\n")), "some.csv").rows) == 2


def test_garbage_without_end_is_not_read_to_the_end() -> None:
    class Endless:
        def read(self, _size: int, /) -> bytes:
            return csv_of(*[b"x"] * 100)

    with pytest.raises(ValueError, match="row 1: found 1 columns"):
        read_rows(Endless(), "some.csv")
