# make run     the built-in two-hand scene (or SOURCE=) through camera_node and hands_node, with a live status
# make test    all tests
# make bench   speed of every variant and back end, and of the whole node
# make env     the environment only; the others call it
# make clean   removes environments, built messages and caches; what is in out/ stays

# run:  SOURCE= webcam number or device, video file, or folder of images     DURATION= seconds
#       VIEW=1 (also show everything in a browser, at http://127.0.0.1:8080)
#       ESTIMATOR=landmarks (MediaPipe's landmarks and our hand model fitted to them, in the network's place)
# all:  LANDMARKS=1 (mediapipe)
#       ROS=jazzy (wheels of Jazzy)   PYTHON= interpreter   SMPLX=1 (smplx, an oracle of the tests)   ARGS= passed on
SOURCE ?=
DURATION ?=
ESTIMATOR ?=
LANDMARKS ?= $(if $(filter landmarks,$(ESTIMATOR)),1)
VIEW ?=
ARGS ?=
export ROS PYTHON SMPLX VIEW LANDMARKS SOURCE

IN_ENVIRONMENT := tools/environment.sh

.PHONY: run test bench env clean

# No launch file knows the scene's truth.
run:
	@$(IN_ENVIRONMENT) python -m lgnet_ros.cli.main run $(if $(SOURCE),--source "$$SOURCE") \
		$(if $(DURATION),--duration '$(DURATION)') $(if $(filter 1,$(VIEW)),--view) \
		$(if $(filter --truth,$(ARGS)),,$(if $(ROS_DISTRO),--launch)) \
		$(if $(ESTIMATOR),--estimator $(ESTIMATOR)) $(ARGS)

# What talks over DDS gets a process of its own: the middleware's threads and memory stay out of the other tests, and
# nothing beside it takes its time. The others run in two processes.
test:
ifneq ($(ARGS),)
	@$(IN_ENVIRONMENT) python -m pytest $(ARGS)
else
	@$(IN_ENVIRONMENT) python -m pytest -n 2 --dist worksteal --ignore=test/ros
	@$(IN_ENVIRONMENT) python -m pytest test/ros
endif

bench:
	@$(IN_ENVIRONMENT) python -m lgnet_ros.cli.main bench $(ARGS)

env:
	@$(IN_ENVIRONMENT)

clean:
	rm -rf .venv .venv-* .ros .pytest_cache .hypothesis .ruff_cache .mypy_cache lgnet_ros.egg-info build
	find lgnet_ros test -name __pycache__ -prune -exec rm -rf {} +
