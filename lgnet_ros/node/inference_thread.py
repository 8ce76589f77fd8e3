"""The one thread in which the network lives: it is loaded, warmed up and run there, and nowhere else.

One, because what CUDA graphs have captured belongs to the thread that captured it, and because two
inferences at a time would only make both late. The executor's thread does nothing but receive.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from lgnet_ros.node.faults import FaultKind, FaultLog
from lgnet_ros.node.inputs import Sample
from lgnet_ros.node.mailbox import Mailbox
from lgnet_ros.node.processing import FrameProcessor

Answer = TypeVar("Answer")


class InferenceThread:
    """A thread for one thing at a time: first calls, then the loop over the mailbox, then calls again."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inference")
        self._loop: Future[None] | None = None
        self._mailbox: Mailbox[Sample] | None = None

    def call(self, function: Callable[[], Answer]) -> Answer:
        """What `function` returns (or raises) there. Not while the loop runs."""
        return self._executor.submit(function).result()

    def start_loop(
        self,
        mailbox: Mailbox[Sample],
        processor: FrameProcessor,
        stale_after_s: Callable[[], float],
        faults: FaultLog,
    ) -> None:
        """Process every sample that is taken from the mailbox, until `stop_loop`.

        stale_after_s: after so long without a result, as the parameter stands now, the processor is told.
        """
        self._mailbox = mailbox
        self._loop = self._executor.submit(_run, mailbox, processor, stale_after_s, faults)

    def stop_loop(self) -> None:
        """Finish the sample in hand and end the loop; returns when it has ended. Harmless without."""
        if self._loop is not None and self._mailbox is not None:
            self._mailbox.close()
            self._loop.result()
        self._loop = self._mailbox = None

    def end(self) -> None:
        """End the thread, with its loop."""
        self.stop_loop()
        self._executor.shutdown()


def _run(
    mailbox: Mailbox[Sample],
    processor: FrameProcessor,
    stale_after_s: Callable[[], float],
    faults: FaultLog,
) -> None:
    answered_s, silent = time.monotonic(), False
    while not mailbox.closed:
        sample = mailbox.take(stale_after_s())
        if mailbox.closed:
            return
        if sample is not None and _survived(lambda taken=sample: processor.process(taken), faults):
            answered_s, silent = time.monotonic(), False
            _survived(lambda: processor.look_ahead(hurried=mailbox.waiting), faults)
        elif not silent and time.monotonic() - answered_s >= stale_after_s():
            _survived(processor.silence, faults)  # no images, or none that can be used: nothing holds longer
            silent = True


def _survived(act: Callable[[], object], faults: FaultLog) -> bool:
    """Whether `act` says so. Whatever happens to one image, the next one gets its chance."""
    try:
        return bool(act())
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        explanation = f"{type(error).__name__}: {error} ({place.name}, line {place.lineno})"
        faults.report(FaultKind.INFERENCE, explanation)
        return False
