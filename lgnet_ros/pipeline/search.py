"""When an image is searched for hands that nobody follows yet: in its own step, or ahead of the next one."""

from __future__ import annotations

from lgnet_ros.pipeline.acquisition import AcquisitionSettings, Detector, Region, SecondOpinion
from lgnet_ros.pipeline.tracking import Look, Tracker
from lgnet_ros.pipeline.view import View

_HURRIED = 3  # of so many searches ahead in a hurry one is made


class Search:
    """Asks `detector` where to look beside the crops of followed hands, which are `size_px` wide.

    While nobody is followed, or a hand is unseen, a step searches its own image. Beside hands that are seen
    it puts that off until its result is out, and the next step looks where the last image showed something.
    """

    def __init__(self, detector: Detector, size_px: int) -> None:
        self.detector = detector
        self._size_px = size_px
        self._put_off: View | None = None
        self._ahead: list[Region] = []
        self._hurried = 0  # how many searches ahead in a row were in a hurry

    @property
    def detector(self) -> Detector:
        """Who is asked where to look."""
        return self._detector

    @detector.setter
    def detector(self, detector: Detector) -> None:
        self._detector = detector
        self.second_opinion = detector if isinstance(detector, SecondOpinion) else None
        """The detector, if it can also say whether something is a hand."""

    def forget(self) -> None:
        """What was put off, and what came of it."""
        self._put_off, self._ahead = None, []

    def put_off(self, view: View) -> None:
        """Leave this image to `look_ahead`."""
        self._put_off = view

    def look_ahead(self, tracker: Tracker, settings: AcquisitionSettings, hurried: bool) -> None:
        """Search the image that was put off, if one was.

        hurried: the next image is waiting. Hands that are followed go first, and the search is left out, but
        for every third time.
        """
        view, self._put_off = self._put_off, None
        if view is None:
            return
        self._hurried = self._hurried + 1 if hurried else 0
        if self._hurried % _HURRIED == 0:
            followed = tracker.looks(view.stamp_s, view.intrinsics, self._size_px)
            self._ahead = self.regions(view, settings.crops_following, followed)

    def found_ahead(self) -> list[Region]:
        """What the last search ahead has named, once."""
        regions, self._ahead = self._ahead, []
        return regions

    def regions(self, view: View, count: int, beside: list[Look]) -> list[Region]:
        """Up to about `count` regions of this image, beside these looks."""
        if count <= 0:
            return []
        outlines = [view.outline(look) for look in beside]
        return self.detector.regions(view.image, view.intrinsics, count, outlines)
