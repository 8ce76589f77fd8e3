"""The node `hands`: a lifecycle around the inference thread. It wires parts together and does nothing else.

on_configure loads the weights and opens the publishers, on_activate opens the subscriptions; deactivating and
cleaning up give them back in reverse. A transition that fails says why in one line and leaves the node as
it was.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator

from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_msgs.msg import Header

from lgnet_ros.errors import UserError
from lgnet_ros.node import compat, diagnostics
from lgnet_ros.node.diagnostics import Diagnostics, InputState
from lgnet_ros.node.exiting import leave_nothing
from lgnet_ros.node.faults import FaultLog
from lgnet_ros.node.inference_thread import InferenceThread
from lgnet_ros.node.inputs import Inputs, Sample, require_inputs
from lgnet_ros.node.mailbox import Mailbox
from lgnet_ros.node.memory import spare_what_is_loaded
from lgnet_ros.node.missing import missing_module_line
from lgnet_ros.node.model_id import is_untrained
from lgnet_ros.node.outputs import SIDES, Outputs
from lgnet_ros.node.parameter_rules import checked_changes, declare, read
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.node.pipeline_setup import load_pipeline
from lgnet_ros.node.processing import FrameProcessor
from lgnet_ros.node.statistics import Statistics
from lgnet_ros.node.subscriptions import describe
from lgnet_ros.pipeline import HandsPipeline

DIAGNOSTICS_PERIOD_S = 1.0
PipelineLoader = Callable[[HandsParameters], tuple[HandsPipeline, str]]


class HandsNode(LifecycleNode):
    """Images in, hands out. See the README for topics and parameters."""

    def __init__(self, load: PipelineLoader | None = None, **options: object) -> None:
        """
        Args:
            load: makes the pipeline when the node is configured; None: `load_pipeline`.
            options: as `rclpy.node.Node` takes them, for tests: namespace, parameter_overrides, …
        """
        self._load = load
        super().__init__("hands", **options)
        leave_nothing(self)
        declare(self, HandsParameters)
        self._values = HandsParameters()
        self._configured = False
        self._statistics = Statistics()
        self._faults = FaultLog(self.get_logger().warning)
        self._diagnostics = Diagnostics(self._statistics, self._faults)
        self._updater = compat.diagnostic_updater(self, DIAGNOSTICS_PERIOD_S)
        self._updater.setHardwareID("none")
        # The updater says the node's name only, which is the same for every camera.
        place = self.get_namespace().strip("/")
        self._updater.add(f"{place} input".strip(), self._report_input)
        self._updater.add(f"{place} output".strip(), self._diagnostics.output)
        self._thread: InferenceThread | None = None
        self._outputs: Outputs | None = None
        self._processor: FrameProcessor | None = None
        self._mailbox: Mailbox[Sample] | None = None
        self._inputs: Inputs | None = None
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self.get_logger().info(compat.startup_line())

    # --- lifecycle ------------------------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters, load and warm up the network, open the publishers."""
        try:
            self._configure()
        except Exception as error:
            self._clean_up()
            return self._refused("configure", error)
        self._diagnostics.refusal = ""
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the subscriptions and start the loop of inference."""
        try:
            self._activate()
        except Exception as error:
            self._deactivate()
            return self._refused("activate", error)
        self._diagnostics.refusal = ""
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give the subscriptions back, end the loop, take the hands out of RViz."""
        with self._explained("deactivate"):
            self._deactivate()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give publishers, network and thread back."""
        with self._explained("clean up"):
            self._clean_up()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From whatever state: give everything back."""
        with self._explained("shut down"):
            self._deactivate()
            self._clean_up()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """After a transition that raised: everything back, ready to be configured again."""
        self._deactivate()
        self._clean_up()
        return TransitionCallbackReturn.SUCCESS

    def start_by_itself(self) -> None:
        """Configure and activate, if `autostart` says so. If that fails the node waits."""
        if not self.get_parameter("autostart").value:
            return
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def end(self) -> None:
        """Shut down before the node is destroyed, unless somebody has done so already."""
        if self._state_machine.current_state[1] != "finalized":
            self.trigger_shutdown()

    def destroy_node(self) -> None:
        """With the state machine, by which rclpy would hold on to the node and all of its middleware."""
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def _configure(self) -> None:
        parameters = read(self, HandsParameters)
        require_inputs(parameters)
        self.get_logger().info("warming up; the very first start also compiles, for half a minute or so")
        self._thread = InferenceThread()
        pipeline, model_id = self._thread.call(lambda: (self._load or load_pipeline)(parameters))
        self._values, self._configured = parameters, True
        self._outputs = Outputs(self, {side: pipeline.faces(side) for side in SIDES})
        self._processor = FrameProcessor(
            pipeline,
            model_id,
            self._outputs,
            lambda: self._values,
            self._statistics,
            self._faults,
            lambda: self.get_clock().now().nanoseconds * 1e-9,
        )
        self._diagnostics.model_id = model_id
        self._diagnostics.engine_restarts = lambda: getattr(pipeline, "engine_restarts", 0)
        if is_untrained(model_id):
            self.get_logger().warning(f"{model_id}: not trained: what is found means nothing")
        self.get_logger().info(f"ready: {model_id}")

    def _activate(self) -> None:
        assert self._thread is not None and self._outputs is not None and self._processor is not None
        self._outputs.clear_at_activation(Header(stamp=self.get_clock().now().to_msg()))
        spare_what_is_loaded()
        self._mailbox = Mailbox()
        self._thread.start_loop(
            self._mailbox, self._processor, lambda: self._values.stale_after, self._faults
        )
        self._inputs = Inputs(self, self._values, self._faults, self._deliver)

    def _deactivate(self) -> None:
        if self._inputs is not None:
            self._inputs.close()
        if self._thread is not None:
            self._thread.stop_loop()
            if self._mailbox is not None and self._processor is not None:
                self._thread.call(self._processor.silence)
        self._inputs = self._mailbox = None

    def _clean_up(self) -> None:
        if self._thread is not None:
            self._thread.end()
        if self._outputs is not None:
            self._outputs.close()
        self._thread = self._outputs = self._processor = None
        self._diagnostics.forget_model()
        self._configured = False
        spare_what_is_loaded()  # the network goes now, with whatever of it refers to itself

    def _refused(self, transition: str, error: Exception) -> TransitionCallbackReturn:
        self._diagnostics.refusal = f"cannot {transition}: {_in_words(error)}"
        self.get_logger().error(self._diagnostics.refusal)
        return TransitionCallbackReturn.FAILURE

    @contextlib.contextmanager
    def _explained(self, transition: str) -> Iterator[None]:
        """rclpy turns what a transition raises into an error of which nobody hears why."""
        try:
            yield
        except Exception as error:
            self._refused(transition, error)
            raise

    # --- callbacks ------------------------------------------------------------------------------------------

    def _deliver(self, sample: Sample) -> None:
        self._statistics.count(diagnostics.RECEIVED)
        if self._mailbox is not None:
            self._mailbox.put(sample)

    def _on_set_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        """Take or refuse; what is taken holds from the next frame on."""
        try:
            accepted = checked_changes(
                HandsParameters, {change.name: change.value for change in changes}, self._configured
            )
        except UserError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self._values = dataclasses.replace(self._values, **accepted)
        return SetParametersResult(successful=True)

    def _report_input(self, status: object) -> object:
        self._diagnostics.state = None
        if self._inputs is not None and self._mailbox is not None:
            image = self._inputs.image_subscription
            self._diagnostics.state = InputState(
                topic=image.topic,
                publishers=image.publishers,
                qos=describe(image.profile),
                dropped=self._mailbox.dropped,
                stale_after_s=self._values.stale_after,
            )
        return self._diagnostics.input(status)


def _in_words(error: Exception) -> str:
    """One line for what has kept a transition from happening: of torch, CUDA, rclpy, …, many types."""
    if isinstance(error, ModuleNotFoundError):
        return missing_module_line(error)
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
