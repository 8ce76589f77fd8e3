"""The search that sees the whole image at once, told by a network that is right where hands are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from faulty_engine import Faulty, engine_on

from lgnet_ros.geometry import CameraIntrinsics, CropCamera
from lgnet_ros.network.hand_centers import COLUMNS, IMAGE_HEIGHT, IMAGE_WIDTH, MAPS, ROWS, USUAL_EXTENT_PX
from lgnet_ros.pipeline import Frame, HandsPipeline
from lgnet_ros.pipeline.center_search import CenterDetector
from lgnet_ros.pipeline.spots import spots_of, spots_of_palms

CAMERA = CameraIntrinsics.from_field_of_view(640, 480, 1.15)


class Told:
    """Says what it is told; hands as (x, y, extent, pointing x, pointing y) px, and logits; and in the places
    of `palms`, (192, 192) px, if it is told any.
    """

    def __init__(self, *hands: tuple[float, ...], palms: list[tuple[float, ...]] | None = None) -> None:
        self.hands, self.images = hands, []
        self.told_palms, self.has_palms, self.images_of_palms = palms, palms is not None, []

    def centers(self, image: np.ndarray) -> np.ndarray:
        assert image.shape == (IMAGE_HEIGHT, IMAGE_WIDTH, 3) and image.dtype == np.uint8
        self.images.append(image)
        maps = np.zeros((MAPS, ROWS, COLUMNS), np.float32)
        maps[0] = -9
        for x, y, extent, toward_x, toward_y, logit in self.hands:
            column, row = int((x + 0.5) // 16), int((y + 0.5) // 16)
            place = (x + 0.5) / 16 - 0.5 - column, (y + 0.5) / 16 - 0.5 - row
            size = np.log(extent / USUAL_EXTENT_PX)
            maps[:, row, column] = (logit, *place, size, toward_x / extent, toward_y / extent)
        return maps

    def palms(self, image: np.ndarray) -> np.ndarray:
        assert image.shape == (192, 192, 3) and image.dtype == np.uint8
        self.images_of_palms.append(image)
        guesses = np.zeros((2016, 6), np.float32)
        guesses[:, 0] = -9
        for guess, (*place, logit) in zip(guesses[::5], self.told_palms, strict=False):
            guess[:] = (logit, *place)
        return guesses


class SeesSquares(Told):
    """Takes the bright square for a hand, if there is one and it is large enough to tell. only: what sees,
    of centers and palms; the other one is blind.
    """

    def __init__(self, *, palms: bool = False, only: str = "") -> None:
        super().__init__(palms=[] if palms else None)
        self.only = only

    def centers(self, image: np.ndarray) -> np.ndarray:
        self.hands = self.squares(image) if self.only != "palms" else ()
        return super().centers(image)

    def palms(self, image: np.ndarray) -> np.ndarray:
        self.told_palms = self.squares(image) if self.only != "centers" else ()
        return super().palms(image)

    def squares(self, image: np.ndarray) -> tuple[tuple[float, ...], ...]:
        rows, columns = np.nonzero(image[..., 0] > 127)
        extent = np.ptp(columns) + 1 if len(columns) else 0
        least = image.shape[1] / 16
        return ((columns.mean(), rows.mean(), extent, 0.0, -9.0, 3.0),) if extent >= least else ()


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (480, 640), (320, 240), (100, 700)])
def test_regions_are_where_the_network_saw_hands_whatever_the_images_form(width: int, height: int) -> None:
    scale = min(384 / width, 288 / height)
    x, y, extent = 0.3 * width, 0.6 * height, 0.2 * min(width, height)
    told = Told(((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5, extent * scale, 0.0, -9.0, 3.0))
    image = np.full((height, width, 3), 200, np.uint8)
    camera = CameraIntrinsics.from_field_of_view(width, height, 1.0)
    (region,) = CenterDetector(told).regions(image, camera, 1, [])
    np.testing.assert_allclose(region.center, [x, y], atol=0.01)
    assert region.side == pytest.approx(extent / 0.7, rel=1e-4)
    assert (told.images[0] > 0).any(axis=-1).mean() == pytest.approx(
        width * height * scale**2 / (384 * 288), abs=0.01
    )


@pytest.mark.parametrize("toward", [(0.0, -30.0), (30.0, 0.0), (-20.0, 20.0)])
def test_its_crops_show_fingers_up(toward: tuple[float, float]) -> None:
    (region,) = CenterDetector(Told((190, 140, 60, *toward, 3.0))).regions(
        np.zeros((480, 640, 3), np.uint8), CAMERA, 1, []
    )
    crop = CropCamera.from_box(CAMERA, region.center, region.side, 192, region.roll_rad)
    start, end = crop.crop_pixels(np.array([region.center, region.center + toward]), CAMERA)
    assert end[1] < start[1] and abs(end[0] - start[0]) < 0.3 * abs(end[1] - start[1])


def test_the_likeliest_come_first_and_each_has_its_turn() -> None:
    """Else what is no hand, and looks more like one, would keep a hand from being found."""
    told = Told((60, 60, 40, 0, -9, 1.0), (200, 150, 40, 0, -9, 3.0), (320, 60, 40, 0, -9, 2.0))
    detector, image = CenterDetector(told), np.zeros((288, 384, 3), np.uint8)
    camera = CameraIntrinsics.from_field_of_view(384, 288, 1.0)
    for count, places in ((2, [200, 320]), (2, [60, 200]), (1, [320]), (3, [200, 60, 320])):
        regions = detector.regions(image, camera, count, [])
        assert [round(region.center[0]) for region in regions] == places


def test_what_stays_doubtful_does_not_keep_a_hand_from_being_found(follow) -> None:
    """Two things that look more like hands than the hand does would take all looks."""
    wrists = np.array([[-0.2, -0.02, 0.6], [-0.2, 0.2, 0.6], [0.2, 0.1, 0.6]])
    up = np.array([0.0, 0.0, np.pi / 2])
    centers = 0.6 * follow.intrinsics.project(wrists - [0.0, 0.08, 0.0])
    told = Told(
        *((*center, 85, 0, -40, logit) for center, logit in zip(centers, (3.0, 2.5, 1.0), strict=True))
    )
    run = follow(
        lambda t: list(zip(("right", "right", "left"), wrists, (up, up, -up), strict=True)),
        16,
        detector=CenterDetector(told),
        doubtful=lambda hand: hand.side == "right",
    )
    assert [hand.side for hand in run.frames[-1].hands] == ["left"]


def test_a_hand_that_is_followed_is_not_named() -> None:
    told = Told((100, 100, 60, 0, -9, 3.0), (280, 150, 60, 0, -9, 2.0))
    camera = CameraIntrinsics.from_field_of_view(384, 288, 1.0)
    around = np.array([[57.0, 57.0], [143.0, 57.0], [143.0, 143.0], [57.0, 143.0]])
    image = np.zeros((288, 384, 3), np.uint8)
    (region,) = CenterDetector(told).regions(image, camera, 1, [around])
    assert region.center[0] == pytest.approx(280, abs=0.1)
    whole = (around - 100) * 4 + 100  # a crop of the whole image does not follow what it happens to show
    assert len(CenterDetector(told).regions(image, camera, 2, [whole])) == 2


def test_what_lies_beside_the_image_is_no_hand() -> None:
    image, camera = np.zeros((720, 1280, 3), np.uint8), CameraIntrinsics.from_field_of_view(1280, 720, 1.0)
    beside = Told((200, 250, 40, 0, -9, 3.0))  # 1280×720 fills the upper 216 rows of 288
    assert CenterDetector(beside).regions(image, camera, 1, []) == []
    (region,) = CenterDetector(Told((200, 220, 40, 0, -9, 3.0))).regions(image, camera, 1, [])
    assert region.center[1] == 719


@pytest.mark.parametrize("place", [(20, 20), (610, 30), (320, 240), (250, 330), (40, 440), (600, 450)])
@pytest.mark.parametrize(("palms", "only"), [(False, ""), (True, "palms"), (True, "centers")])
def test_small_hands_are_seen_from_nearer_wherever_they_are(
    place: tuple[int, int], palms: bool, only: str
) -> None:
    """32 px of 640 are 19 of the 384 of the whole image, and 32 of a quarter's."""
    image = np.zeros((480, 640, 3), np.uint8)
    image[place[1] - 16 : place[1] + 16, place[0] - 16 : place[0] + 16] = 255
    detector = CenterDetector(SeesSquares(palms=palms, only=only))
    named = [region for _ in range(16 if palms else 4) for region in detector.regions(image, CAMERA, 2, [])]
    assert named
    for region in named:
        np.testing.assert_allclose(region.center, np.array(place) - 0.5, atol=1.0 if only == "palms" else 0.5)
        assert region.side == pytest.approx(32 / 0.7, rel=0.1 if only == "palms" else 0.05)


def test_a_piece_of_a_large_hand_is_no_small_one() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[150:350, 200:440] = 255
    network = SeesSquares()
    detector = CenterDetector(network)
    for _ in range(4):
        (region,) = detector.regions(image, CAMERA, 2, [])
        np.testing.assert_allclose(region.center, [319.5, 249.5], atol=1.0)
    assert len(network.images) == 8


def test_quarters_wait_while_the_whole_image_shows_enough() -> None:
    told = Told((60, 60, 40, 0, -9, 1.0), (200, 150, 40, 0, -9, 3.0))
    CenterDetector(told).regions(np.zeros((480, 640, 3), np.uint8), CAMERA, 2, [])
    assert len(told.images) == 1


def test_beside_followed_hands_quarters_come_every_other_time() -> None:
    told, image = Told(), np.zeros((480, 640, 3), np.uint8)
    detector = CenterDetector(told)
    crop = np.array([[57.0, 57.0], [143.0, 57.0], [143.0, 143.0], [57.0, 143.0]])
    for followed, images in (([], 8), ([crop], 8 + 6)):
        for _ in range(4):
            detector.regions(image, CAMERA, 1, followed)
        assert len(told.images) == images


def test_faint_centers_are_none_and_neighbors_are_one_hand() -> None:
    black = np.zeros((IMAGE_HEIGHT, IMAGE_WIDTH, 3), np.uint8)
    assert spots_of(Told((100, 100, 60, 0, -9, -3.0)).centers(black)) == []
    two = Told((100, 100, 60, 0, -9, 3.0), (110, 132, 90, 0, -9, 2.0))
    assert len(spots_of(two.centers(black))) == 2
    one = Told((100, 100, 120, 0, -9, 3.0), (110, 132, 130, 0, -9, 2.0))
    assert len(spots_of(one.centers(black))) == 1


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (300, 300)])
def test_palms_see_every_other_whole_image_whatever_its_form(width: int, height: int) -> None:
    small, large = 192 / max(width, height), min(384 / width, 288 / height)
    corner = (192 - small * np.array([width, height])) / 2
    palm, center = np.array([0.3 * width, 0.6 * height]), np.array([0.7 * width, 0.4 * height])
    network = Told(
        (*((center + 0.5) * large - 0.5), 100 * large, 0.0, -9.0, 3.0),
        palms=[(*((palm + 0.5) * small - 0.5 + corner), 90 * small, 0.0, -9.0, 3.0)],
    )
    detector, image = CenterDetector(network), np.full((height, width, 3), 200, np.uint8)
    camera = CameraIntrinsics.from_field_of_view(width, height, 1.0)
    for search in range(4):
        (region,) = detector.regions(image, camera, 1, [])
        np.testing.assert_allclose(region.center, palm if search % 2 else center, atol=0.1)
        assert region.side == pytest.approx((90 if search % 2 else 100) / 0.7, rel=1e-3)
    assert (len(network.images), len(network.images_of_palms)) == (4, 2)


def test_a_search_asks_two_networks_and_quarters_are_seen_by_both() -> None:
    network, image = Told(palms=[]), np.zeros((480, 640, 3), np.uint8)
    detector, asked = CenterDetector(network), []
    for search in range(8):
        detector.regions(image, CAMERA, 1, [])
        asked.append((len(network.images), len(network.images_of_palms)))
        assert sum(asked[-1]) == 2 * (search + 1)
    assert asked == [(1, 1), (2, 2), (4, 2), (5, 3), (6, 4), (7, 5), (9, 5), (10, 6)]


def test_what_both_see_is_one_hand_as_palms_see_it() -> None:
    network = Told((200, 150, 60, 0, -9, 3.0), palms=[(100, 99, 32, -9, 0, 1.0)])
    camera = CameraIntrinsics.from_field_of_view(384, 288, 1.0)
    detector, image = CenterDetector(network), np.zeros((288, 384, 3), np.uint8)
    detector.regions(image, camera, 2, [])
    (region,) = detector.regions(image, camera, 2, [])
    np.testing.assert_allclose(region.center, [200.5, 150.5], atol=0.1)  # (99 - 24) · 2 + 0.5
    assert region.side == pytest.approx(64 / 0.7)


def test_unlikely_palms_are_none_and_guesses_at_one_hand_are_one() -> None:
    told = Told(palms=[(60, 60, 40, 0, -9, 2.0), (150, 60, 40, 0, -9, -0.1), (64, 66, 50, 0, -9, 3.0)])
    (spot,) = spots_of_palms(told.palms(np.zeros((192, 192, 3), np.uint8)))
    np.testing.assert_allclose(spot.center, [64, 66])
    assert spot.score == pytest.approx(1 / (1 + np.exp(-3)))
    assert spot.extent == 50 and spot.pointing.tolist() == [0, -9]


def test_a_network_that_knows_centers_searches_by_them() -> None:
    told = Told((190, 140, 80, 0, -9, 3.0))
    backend = Faulty("fake", [])
    backend.centers = told.centers
    image = np.zeros((480, 640, 3), np.uint8)
    for knows, crops in ((True, 1), (False, 2)):
        pipeline = HandsPipeline(engine_on(backend, centers=knows))
        frame = pipeline.step(image, CAMERA, 0.0)
        assert len(frame.crops) == crops
    assert len(told.images) == 2  # the whole image, and a quarter
    pipeline = HandsPipeline(engine_on(backend, centers=True))
    (outline,) = pipeline.step(image, CAMERA, 0.0).crops
    np.testing.assert_allclose(outline.mean(axis=0), np.array([190.5, 140.5]) / 0.6 - 0.5, atol=1.0)


def test_palms_give_a_second_opinion_of_what_is_in_the_middle() -> None:
    """Joints of 80 px around (400, 200); a palm there, 1.5 hands beside it, or none."""
    joints = np.array([400.0, 200.0]) + np.stack([np.linspace(-30, 30, 21), np.linspace(40, -40, 21)], axis=1)
    evidence = []
    for place in ((400, 200), (520, 200), None):
        image = np.zeros((480, 640, 3), np.uint8)
        if place is not None:
            image[place[1] - 12 : place[1] + 12, place[0] - 12 : place[0] + 12] = 255
        network = SeesSquares(palms=True)
        evidence.append(CenterDetector(network).evidence(image, CAMERA, joints))
        assert len(network.images_of_palms) == 1
    assert evidence[0] > 1.5
    assert evidence[1] < -2 and evidence[2] < -2
    assert CenterDetector(Told()).evidence(image, CAMERA, joints) == 0.0


def test_a_second_opinion_is_taken_from_the_image_where_the_hand_is(follow) -> None:
    """A hand that LGNet is nearly sure of: with a palm it is followed at once, without one later, or not."""
    wrist = np.array([0.0, 0.05, 0.5])
    center = 0.6 * follow.intrinsics.project((wrist - [0.0, 0.08, 0.0])[None])[0]
    followed = []
    for logit in (3.0, -9.0):
        told = Told((*center, 90, 0, -40, 3.0), palms=[(95.5, 95.5, 60, 0, -30, logit)])
        scene = [("right", wrist, np.zeros(3))]
        run = follow(lambda t, scene=scene: scene, 3, detector=CenterDetector(told), presence=0.95)
        followed.append([len(frame.hands) for frame in run.frames])
    assert followed == [[1, 1, 1], [0, 0, 0]]


def _identities(follow, presence: float, logit: Callable[[float], float]) -> list[int | None]:
    """Whom each frame of four seconds shows: of a hand LGNet is so sure, and of its palm palms are."""
    wrist = np.array([0.0, 0.05, 0.5])
    center = 0.6 * follow.intrinsics.project((wrist - [0.0, 0.08, 0.0])[None])[0]
    told = Told((*center, 90, 0, -40, 3.0), palms=[])

    def step(pipeline: HandsPipeline, image: np.ndarray, stamp: float) -> Frame:
        told.told_palms = [(95.5, 95.5, 60, 0, -30, logit(stamp))]
        return pipeline.step(image, follow.intrinsics, stamp)

    scene = [("right", wrist, np.zeros(3))]
    run = follow(lambda t: scene, 120, detector=CenterDetector(told), presence=presence, step=step)
    return run.ids("right")


def test_a_followed_hand_that_palms_deny_twice_is_let_go_until_they_see_it(follow) -> None:
    seen = _identities(follow, 0.95, lambda t: -9.0 if 0.6 < t < 3.0 else 3.0)
    assert set(seen[:60]) == {0}  # asked at 1 and 2 s
    assert set(seen[65:89]) == {None}
    assert set(seen[100:]) == {1}


def test_one_denial_is_no_reason_nor_are_many_where_lgnet_is_sure(follow) -> None:
    assert set(_identities(follow, 0.95, lambda t: -9.0 if 0.6 < t < 1.5 else 3.0)) == {0}
    assert set(_identities(follow, 0.9995, lambda t: -9.0)) == {0}


def test_what_has_been_denied_is_not_followed_again_in_the_next_best_moment(follow) -> None:
    """Palms go on being against it, but less than would have kept it from being followed before."""
    assert set(_identities(follow, 0.98, lambda t: -2.4)[5:]) == {0}
    after = _identities(follow, 0.98, lambda t: 3.0 if t < 0.6 else -9.0 if t < 2.5 else -2.4)
    assert set(after[:60]) == {0} and set(after[65:]) == {None}
