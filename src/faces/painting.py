"""Paint and light a drawn face.

Points are complex numbers x + iy in half sides of the frame: x runs right and y down from the middle, both -1..1.
"""

from __future__ import annotations

import cv2
import numpy as np

from src.faces.people import HAIR, Expression, Face
from src.fer2013 import SIDE

OVERSAMPLING = 3
"""Faces are painted this many times larger and averaged down, so that edges fall between pixels."""

EYE_Y, NOSE_Y, MOUTH_Y, CHIN_Y, SKULL_Y = -0.2, 0.2, 0.54, 1.0, -1.15

T = np.linspace(-1, 1, 17)
ARCH = 1 - T**2
"""Most curves are functions of T, which runs -1..1 from left to right; ARCH is 1 in the middle and 0 at the ends."""

COS, SIN = np.cos(np.linspace(0, 2 * np.pi, 33)), np.sin(np.linspace(0, 2 * np.pi, 33))


class Canvas:
    """A large grey picture on which a face is painted in its own coordinates."""

    def __init__(self, face: Face) -> None:
        self.turned = face.scale * np.exp(1j * face.angle)
        self.shift = complex(face.shift_x, face.shift_y)
        self.picture = np.full((SIDE * OVERSAMPLING, SIDE * OVERSAMPLING), face.background, np.uint8)

    def fill(self, points: np.ndarray, tone: float) -> None:
        cv2.fillPoly(self.picture, [self._place(points)], tone, cv2.LINE_AA, 4)

    def stroke(self, points: np.ndarray, tone: float, thickness: float) -> None:
        width = max(1, round(thickness * SIDE * OVERSAMPLING / 2))
        cv2.polylines(self.picture, [self._place(points)], False, tone, width, cv2.LINE_AA, 4)

    def _place(self, points: np.ndarray) -> np.ndarray:
        # 4 fractional bits, as `shift` says in the calls above
        placed = (points * self.turned + self.shift + (1 + 1j)) * (SIDE * OVERSAMPLING / 2 * 16)
        return placed.view(np.float64).reshape(-1, 2).astype(np.int32)


def ellipse(center: complex, half_width: float, half_height: float) -> np.ndarray:
    return center + half_width * COS + 1j * half_height * SIN


def between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Give the outline of the area between two curves that run the same way."""
    return np.concatenate([one, other[::-1]])


def paint(face: Face, expression: Expression) -> np.ndarray:
    """Paint the face without light: grey levels float32 (48, 48)."""
    canvas = Canvas(face)
    paint_head(canvas, face)
    paint_folds(canvas, face, expression)
    if face.beard > 0 and HAIR[int(face.style)] in ("none", "short"):
        paint_beard(canvas, face)
    paint_nose(canvas, face, expression)
    for side in (-1, 1):
        paint_eye(canvas, face, expression, side)
        paint_brow(canvas, face, expression, side)
    paint_mouth(canvas, face, expression)
    if HAIR[int(face.style)] != "none":
        paint_hair(canvas, face)
    return cv2.resize(canvas.picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)


def head_outline(face: Face) -> np.ndarray:
    x = face.width * np.sign(COS) * np.abs(COS) ** 0.8 * (1 - face.jaw * np.maximum(SIN, 0) ** 2)
    return x + 1j * np.where(SIN > 0, CHIN_Y, -SKULL_Y) * SIN


def paint_head(canvas: Canvas, face: Face) -> None:
    if HAIR[int(face.style)] == "long":
        canvas.fill(ellipse(0.2j, face.width * 1.25, 1.6), face.skin * face.hair * 0.8)
    neck = 0.62 * face.width
    canvas.fill(np.array([-neck + 0.6j, neck + 0.6j, neck + 1.6j, -neck + 1.6j]), face.skin * 0.7)
    for side in (-1, 1):
        canvas.fill(ellipse(side * face.width - 0.05j, 0.1, 0.2), face.skin * 0.85)
    canvas.fill(head_outline(face), face.skin)


def paint_hair(canvas: Canvas, face: Face) -> None:
    """Paint the hair over the forehead and down the temples, with a few strands."""
    temple, hairline, edge = -0.25, -0.8, face.parting * T
    if HAIR[int(face.style)] == "fringe":
        temple, hairline, edge = -0.1, -0.52, 0.03 * np.cos(np.arange(T.size) * np.pi)
    cap = ellipse(0, face.width * 1.1, -SKULL_Y * 1.15)
    front = face.width * 0.96 * T + 1j * (hairline + edge + (temple - hairline) * T**6)
    canvas.fill(np.concatenate([cap[cap.imag < temple], front[::-1]]), face.skin * face.hair)
    for strand in front[2:-2:2]:
        canvas.stroke(np.array([strand - 0.06j, 0.8 * strand.real - 1.3j]), face.skin * face.hair * 1.25, 0.02)


def paint_beard(canvas: Canvas, face: Face) -> None:
    outline = head_outline(face)
    edge = 0.95 * face.width * T + 1j * (0.36 + 0.12 * np.sin(np.pi * np.abs(T)) - 0.2 * T**4)
    tone = face.skin * (1 - face.beard * (1 - min(face.hair, 0.6)))
    canvas.fill(np.concatenate([outline[outline.imag > 0.16], edge]), tone)


def paint_folds(canvas: Canvas, face: Face, expression: Expression) -> None:
    """Paint the lines of a moving face: on the forehead, between the brows, across and beside the nose."""
    middle = face.turn
    for y in (-0.72, -0.62):
        canvas.stroke(middle + 0.3 * T + 1j * (y - 0.02 * ARCH), face.skin * (1 - 0.25 * expression.forehead), 0.02)
    for y in (-0.12, -0.05, 0.02):
        canvas.stroke(middle + 0.1 * T + 1j * (y - 0.04 * ARCH), face.skin * (1 - 0.4 * expression.wrinkles), 0.025)
    for side in (-1, 1):
        frown = middle + side * np.array([0.05, 0.04]) - 1j * np.array([0.46, 0.32])
        canvas.stroke(frown, face.skin * (1 - 0.4 * expression.frown), 0.025)
        fold = middle + side * (face.nose + 0.115 + 0.065 * T + 0.05 * ARCH) + 1j * (0.31 + 0.19 * T)
        canvas.stroke(fold, face.skin * (1 - 0.28 * expression.cheeks), 0.03)


def paint_nose(canvas: Canvas, face: Face, expression: Expression) -> None:
    tip = 1.3 * face.turn + 1j * (NOSE_Y - 0.04 * expression.wrinkles)
    canvas.stroke(tip + face.nose * T + 1j * (0.03 - 0.03 * np.cos(3 * T)), face.skin * 0.75, 0.025)
    for side in (-1, 1):
        canvas.fill(ellipse(tip + side * face.nose * 0.5 + 0.02j, 0.04, 0.025), face.skin * 0.4)
        canvas.stroke(tip + side * (face.nose + 0.02 * ARCH) + 1j * (0.05 * T - 0.03), face.skin * 0.7, 0.02)


def paint_eye(canvas: Canvas, face: Face, expression: Expression, side: int) -> None:
    """Paint the whole ball first, then the lids over what they hide of it."""
    center, size = face.turn + side * face.eye_x + 1j * EYE_Y, face.eye_size
    slit = center + 0.16 * size * T + 1j * expression.droop * (side * T + 1) / 2
    upper = slit - 0.085j * size * expression.eye_open * ARCH
    lower = slit + 0.06j * size * (1 - 0.8 * expression.squint) * ARCH
    pupil = center + complex(face.gaze_x, face.gaze_y - 0.01)
    canvas.fill(ellipse(center, 0.17 * size, 0.17 * size), min(face.skin * 0.5 + 130, 245))
    canvas.fill(ellipse(pupil, 0.085 * size, 0.085 * size), face.iris)
    canvas.fill(ellipse(pupil, 0.04 * size, 0.04 * size), 8)
    canvas.fill(ellipse(pupil - 0.03 - 0.03j, 0.018, 0.018), 250)
    canvas.fill(between(upper, ellipse(center, -0.19 * size, -0.2 * size)[:17]), face.skin * 0.93)
    canvas.fill(between(lower, ellipse(center, -0.19 * size, 0.2 * size)[:17]), face.skin * 0.97)
    canvas.stroke(upper - 0.05j * size, face.skin * 0.75, 0.015)
    canvas.stroke(upper, face.skin * 0.25, 0.03)
    canvas.stroke(lower, face.skin * 0.65, 0.018)
    if face.glasses > 0:
        canvas.stroke(ellipse(center + 0.02j, 0.27, 0.22), 20, 0.03)
        canvas.stroke(np.array([center - side * 0.27, face.turn + 1j * (EYE_Y - 0.03)]), 20, 0.03)


def paint_brow(canvas: Canvas, face: Face, expression: Expression, side: int) -> None:
    inner = (1 - side * T) / 2
    y = EYE_Y - 0.23 - expression.brow_lift - expression.brow_tilt * (inner - 0.4) - 0.04 * ARCH
    middle = face.turn + side * (face.eye_x - expression.brow_knit * inner) + 0.21 * T + 1j * y
    half = 0.5j * face.brow * (0.25 + 0.75 * np.sqrt(inner))
    canvas.fill(between(middle - half, middle + half), face.skin * min(face.hair, 0.6))


def paint_mouth(canvas: Canvas, face: Face, expression: Expression) -> None:
    """Paint lips, the opening between them, and teeth that hang from the upper lip."""
    bow = ARCH ** (0.5 - 0.3 * expression.square)
    sneer = expression.sneer * np.exp(-4 * (T - 0.5 * np.sign(face.side)) ** 2)
    middle = face.turn + expression.mouth_width * T + 1j * (MOUTH_Y - expression.mouth_curve * (T**2 - 0.4))
    upper = middle - 1j * (0.7 * expression.mouth_open * bow + sneer)
    lower = middle + 1j * (1.3 * expression.mouth_open * bow - 0.6 * sneer)
    lip = 0.07j * expression.lips * np.sqrt(ARCH)
    cupid = 1 - 0.35 * np.exp(-40 * T**2)
    canvas.fill(between(upper - lip * cupid, lower + 1.2 * lip), face.skin * face.lips)
    canvas.fill(between(upper, lower), 25)
    if expression.mouth_open > 0.03:
        canvas.fill(between(upper, upper + 0.85 * expression.teeth * (lower - upper))[1:-1], 235)
    canvas.stroke(upper if expression.mouth_open > 0.03 else lower, face.skin * 0.3, 0.022)
    chin = face.turn + 0.15 * T + 1j * (lower.imag.max() + 0.14 - 0.02 * ARCH)
    canvas.stroke(chin, face.skin * 0.85, 0.03)


def light(face: Face, expression: Expression) -> np.ndarray:
    """Light a relief of the face: factors on the grey levels, float32 (48, 48)."""
    cheek = 0.03 + 0.06 * expression.cheeks
    bumps = (  # x, y, sigma x, sigma y, height: an ellipsoid alone looks like an egg
        (0, -0.05, 0.08, 0.2, 0.1),
        (0.3 * face.turn, NOSE_Y - 0.06, 0.11, 0.1, 0.12),
        (-face.eye_x, EYE_Y, 0.2, 0.13, -0.09),
        (face.eye_x, EYE_Y, 0.2, 0.13, -0.09),
        (-0.42, 0.18, 0.17, 0.15, cheek),
        (0.42, 0.18, 0.17, 0.15, cheek),
        (0, MOUTH_Y, 0.3, 0.2, 0.05),
        (0, 0.85, 0.16, 0.12, 0.06),
    )
    # The relief is not tilted with the face: at 9 degrees nobody sees it.
    frame = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    x, y = frame - face.shift_x, frame[:, None] - face.shift_y
    relief = 0.8 * np.sqrt(np.maximum(1 - (x / face.scale / face.width) ** 2 - (y / 1.4) ** 2, 0.03))
    for bump_x, bump_y, sigma_x, sigma_y, height in bumps:
        across = np.exp(-(((x - face.turn - bump_x) / sigma_x) ** 2) / 2)
        relief += height * across * np.exp(-(((y - bump_y) / sigma_y) ** 2) / 2)
    slope_y, slope_x = np.gradient(relief, 2 / SIDE)
    # Lambert's law: brightness is the cosine between the surface's normal (-slope_x, -slope_y, 1) and the light.
    lengths = np.sqrt((1 + slope_x**2 + slope_y**2) * (1 + face.light_x**2 + face.light_y**2))
    facing = np.maximum(1 - slope_x * face.light_x - slope_y * face.light_y, 0) / lengths
    return (face.ambient + (1.1 - face.ambient) * facing).astype(np.float32)
