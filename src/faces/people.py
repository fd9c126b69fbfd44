"""Who is drawn: what an emotion does to a face, and what else varies from one drawn person to the next.

Lengths are in half sides of the frame. The emotions move what the action units of Ekman & Friesen (FACS, 1978) move:
brows, lids, nose, cheeks, mouth.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Expression(NamedTuple):
    """What an emotion does to a face; the defaults are a face at rest.

    Attributes:
        brow_lift, brow_tilt, brow_knit: Height above rest; inner ends above the outer; inner ends to the middle.
        eye_open, squint, droop: Factor on the upper lid; share the lower lid covers; fall of the outer corners.
        mouth_width, mouth_curve, mouth_open: Half width; height of the corners above the middle; half opening.
        square, teeth, lips: Shape of the opening, 0 oval to 1 box; its share of teeth; factor on the lips.
        sneer, cheeks: Rise of the upper lip on one side; bulge of the cheeks with a fold beside the nose.
        frown, wrinkles, forehead: Darkness of the lines between the brows, across the nose, on the forehead.
    """

    brow_lift: float = 0
    brow_tilt: float = 0
    brow_knit: float = 0
    eye_open: float = 1
    squint: float = 0
    droop: float = 0
    mouth_width: float = 0.3
    mouth_curve: float = 0
    mouth_open: float = 0
    square: float = 0
    teeth: float = 0
    lips: float = 1
    sneer: float = 0
    cheeks: float = 0
    frown: float = 0
    wrinkles: float = 0
    forehead: float = 0


# fmt: off
EXPRESSIONS = {
    "angry": (
        Expression(-.12, -.17, .08, .8, .3, 0, mouth_width=.27, mouth_curve=-.06, lips=.5, frown=1),
        Expression(-.12, -.19, .08, .85, .3, 0, mouth_width=.32, mouth_curve=-.05, mouth_open=.11, square=1, teeth=.9,
                   lips=.7, cheeks=.3, frown=1),
    ),
    "disgust": (
        Expression(-.1, -.08, .04, .5, .7, 0, mouth_width=.28, mouth_curve=-.06, sneer=.13, cheeks=1, wrinkles=1),
        Expression(-.1, -.08, .04, .5, .7, 0, mouth_width=.3, mouth_curve=-.1, mouth_open=.06, square=.5, teeth=.6,
                   sneer=.14, cheeks=1, wrinkles=1),
    ),
    "fear": (
        Expression(.13, .14, .06, 1.6, 0, 0, mouth_width=.4, mouth_curve=-.07, mouth_open=.08, square=.8, teeth=.6,
                   lips=.7, forehead=1),
    ),
    "happy": (
        Expression(.02, 0, 0, .85, .55, 0, mouth_width=.42, mouth_curve=.15, lips=.8, cheeks=.8),
        Expression(.04, 0, 0, .75, .6, 0, mouth_width=.43, mouth_curve=.17, mouth_open=.12, teeth=.7, lips=.8,
                   cheeks=1),
    ),
    "sad": (Expression(.01, .18, .04, .75, 0, .06, mouth_width=.27, mouth_curve=-.13, frown=.3),),
    "surprise": (Expression(.19, 0, 0, 1.7, 0, 0, mouth_width=.2, mouth_open=.24, forehead=.6),),
    "neutral": (Expression(),),
}
# fmt: on

LOWEST = np.min(np.concatenate([np.array(variants) for variants in EXPRESSIONS.values()]), axis=0)
HIGHEST = np.max(np.concatenate([np.array(variants) for variants in EXPRESSIONS.values()]), axis=0)


class Face(NamedTuple):
    """One person before the camera, all of it independent of the emotion.

    Attributes:
        skin, background, iris: Grey levels ahead of the light.
        hair, lips, beard: Grey levels as a share of the skin's; the beard's darkness, none below 0 or under long hair.
        style, parting: Index into `HAIR`, cut to an integer; slope of the hairline.
        width, jaw: Half width of the head; share of it that is lost at the chin.
        eye_x, eye_size, gaze_x, gaze_y: Distance from the middle; factor on the size; shift of the pupils.
        brow, nose, side: Thickness; half width; the side that sneers is the sign.
        glasses: Worn above 0.
        turn, scale, angle, shift_x, shift_y: Shift of the features as the head turns; pose in the frame, radians.
        light_x, light_y, ambient: Direction to the light, its z being 1; share that comes from everywhere.
        blur, noise: Sigma in pixels; sigma in grey levels.
    """

    skin: float
    background: float
    iris: float
    hair: float
    lips: float
    beard: float
    style: float
    parting: float
    width: float
    jaw: float
    eye_x: float
    eye_size: float
    gaze_x: float
    gaze_y: float
    brow: float
    nose: float
    side: float
    glasses: float
    turn: float
    scale: float
    angle: float
    shift_x: float
    shift_y: float
    light_x: float
    light_y: float
    ambient: float
    blur: float
    noise: float


HAIR = ("none", "short", "short", "long", "long", "fringe")

# fmt: off
RANGES = {
    "skin": (95, 215), "background": (10, 240), "iris": (25, 110), "hair": (.1, .8), "lips": (.6, .88),
    "beard": (-.6, .6), "style": (0, len(HAIR)), "parting": (-.25, .25), "width": (.76, .9), "jaw": (.2, .45),
    "eye_x": (.34, .4), "eye_size": (.9, 1.2), "gaze_x": (-.06, .06), "gaze_y": (-.015, .02), "brow": (.045, .085),
    "nose": (.12, .19), "side": (-1, 1), "glasses": (-.9, .1), "turn": (-.07, .07), "scale": (1, 1.15),
    "angle": (-.15, .15), "shift_x": (-.08, .08), "shift_y": (-.08, .08), "light_x": (-.9, .9), "light_y": (-.8, .1),
    "ambient": (.25, .6), "blur": (.3, .65), "noise": (1, 5),
}
"""Bounds of every value of a `Face`; it is uniform between them."""
# fmt: on


def sample_face(rng: np.random.Generator) -> Face:
    least, most = zip(*RANGES.values(), strict=True)
    return Face(**dict(zip(RANGES, rng.uniform(least, most).tolist(), strict=True)))


def sample_expression(rng: np.random.Generator, emotion: str) -> Expression:
    """Draw one of the emotion's expressions at half to full strength, a little off in everything."""
    rest, variants = np.array(Expression()), EXPRESSIONS[emotion]
    full = np.array(variants[rng.integers(len(variants))])
    mixed = rest + rng.uniform(0.5, 1) * (full - rest) + rng.normal(0, 0.07, rest.size) * (HIGHEST - LOWEST)
    return Expression(*np.clip(mixed, LOWEST, HIGHEST).tolist())
