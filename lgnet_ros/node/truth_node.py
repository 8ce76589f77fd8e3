"""hands_node with the demo camera's truth in place of a network: `lgnet run --truth`.

Everything but the network is the real thing: images, placement, filter, interaction, every output. For
looking at the interface without trained weights, for measuring what a frame costs beside the network, and for
pictures of what is published.
"""

from __future__ import annotations

import sys
import threading

import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from scipy.spatial.transform import Rotation

from lgnet_ros.data.sample import HandSample
from lgnet_ros.evaluation.stage_speed import TruthfulEstimator
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.hand_model import HandModel
from lgnet_ros.msg import Hands
from lgnet_ros.node import hands_node
from lgnet_ros.node.exiting import end_process
from lgnet_ros.node.hands_lifecycle import HandsNode
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.node.pipeline_setup import pipeline_settings
from lgnet_ros.pipeline import HandsPipeline
from lgnet_ros.pipeline.records import Frame

MODEL_ID = "truth (no network)"
_PATIENCE_S = 0.2  # the truth is sent before its image, but two topics keep no order between them
_REMEMBERED = 60


class Truths:
    """The truth of every image by its stamp, from `camera/truth`. Thread-safe."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._messages: dict[float, Hands] = {}

    def add(self, message: Hands) -> None:
        """One more, from the executor's thread."""
        with self._condition:
            self._messages[message.header.stamp.sec + message.header.stamp.nanosec * 1e-9] = message
            while len(self._messages) > _REMEMBERED:
                del self._messages[next(iter(self._messages))]
            self._condition.notify_all()

    def of(self, stamp_s: float) -> Hands:
        """The truth of the image of that stamp; no hands if it does not come."""
        with self._condition:
            self._condition.wait_for(lambda: stamp_s in self._messages, _PATIENCE_S)
            return self._messages.pop(stamp_s, Hands())


class TruthPipeline(HandsPipeline):
    """A HandsPipeline whose estimator is told, for every image, what is in it."""

    def __init__(self, truths: Truths, parameters: HandsParameters) -> None:
        self._truths, self._told = truths, TruthfulEstimator(HandModel.load())
        super().__init__(self._told, pipeline_settings(parameters))

    def step(
        self,
        image: np.ndarray,
        intrinsics: CameraIntrinsics,
        stamp_s: float,
        depth: np.ndarray | None = None,
        detections: np.ndarray | None = None,
    ) -> Frame:
        """See `HandsPipeline.step`."""
        self._told.sample = sample_of(self._truths.of(stamp_s), image, intrinsics)
        return super().step(image, intrinsics, stamp_s, depth, detections)


class TruthNode(HandsNode):
    """The node `hands`, told the truth by the demo camera."""

    def __init__(self, **options: object) -> None:
        """options: as `HandsNode` takes them."""
        self._truths = Truths()
        super().__init__(load=self._load_pipeline, **options)
        reliable = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        self.create_subscription(Hands, "camera/truth", self._truths.add, reliable)

    def _load_pipeline(self, parameters: HandsParameters) -> tuple[HandsPipeline, str]:
        return TruthPipeline(self._truths, parameters), MODEL_ID


def sample_of(message: Hands, image: np.ndarray, intrinsics: CameraIntrinsics) -> HandSample:
    """The rendered sample that the camera's truth was made of, as far as an estimator answers with it."""
    arrays = {
        "vertices": np.zeros((2, 778, 3), np.float32),
        "joints": np.zeros((2, 21, 3), np.float32),
        "rotations": np.tile(np.eye(3, dtype=np.float32), (2, 16, 1, 1)),
        "shape": np.zeros((2, 10), np.float32),
    }
    presence = np.zeros(2, dtype=bool)
    for hand in message.hands:
        presence[hand.side] = True
        arrays["vertices"][hand.side] = hand.vertices.reshape(778, 3)
        arrays["joints"][hand.side] = hand.joints.reshape(21, 3)
        arrays["rotations"][hand.side] = Rotation.from_rotvec(hand.pose.reshape(16, 3)).as_matrix()
        arrays["shape"][hand.side] = hand.shape
    seen = np.repeat(presence[:, None], 21, axis=1)
    return HandSample(
        image=image,
        intrinsics=intrinsics,
        presence=presence,
        joints_valid=seen,
        mesh_valid=presence,
        visibility=seen,
        mask=None,
        depth=None,
        key="truth",
        **arrays,
    )


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop. Returns the exit status."""
    return hands_node.main(args, TruthNode)


if __name__ == "__main__":
    end_process(main(sys.argv))
