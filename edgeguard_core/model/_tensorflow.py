"""TensorFlow, loaded at first use: it takes seconds, and most commands never need it."""

import os
from contextlib import suppress
from functools import cache
from typing import Any

from edgeguard_core.errors import TrainingError


@cache
def tensorflow() -> Any:
    """The ``tensorflow`` module, silent, single-threaded and deterministic.

    One thread is the fast choice for layers this small, and takes the order of sums out of the
    scheduler's hands: the same data, config and seed give the same weights, bit for bit.

    Raises
    ------
    TrainingError
        If TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # oneDNN rounds differently from one processor to the next, and greets on stderr.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        import tensorflow as tf
    except ImportError as error:
        raise TrainingError(
            "TensorFlow is not installed, and training needs it; "
            "run pip install 'edgeguard[train]'."
        ) from error
    tf.get_logger().setLevel("ERROR")
    # A notebook that has used TensorFlow before keeps the threads it has.
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    return tf
