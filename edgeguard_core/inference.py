"""The exported model at work: flows in, scores out, on a runtime of one small package.

TensorFlow is not needed. ``ai_edge_litert`` is used where it is installed, else
``tflite_runtime``.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import BundleError, SchemaError
from edgeguard_core.features.preprocessing import ModelInput

ROWS_A_CALL = 1024
"""Rows handed to the runtime at once: their activations stay in the processor's cache."""

_first_allocation = threading.Lock()
_greeted = False


@dataclass(frozen=True)
class RawScores:
    """What the model answers for ``n`` flows.

    Attributes
    ----------
    score
        Higher is more anomalous; finite, never below 0. Shape ``(n,)``.
    feature_errors
        Each feature's part of ``score × n_expanded``, shape ``(n, F + C)``.
    reconstruction
        What the model expected, in standardised units, shape ``(n, n_expanded)``; None unless
        details were asked for. ``Preprocessor.reconstruct`` turns it into raw units.
    latent
        The bottleneck, shape ``(n, bottleneck)``; None unless details were asked for.
    """

    score: NDArray[np.float32]
    feature_errors: NDArray[np.float32]
    reconstruction: NDArray[np.float32] | None = None
    latent: NDArray[np.float32] | None = None


class Scorer:
    """One loaded model. Not thread-safe: give each thread its own, see ``ScorerPool``.

    Parameters
    ----------
    model
        A TFLite file of ``edgeguard_core.model.conversion``.
    threads
        Threads of the runtime. For layers this small one is the fastest.

    Raises
    ------
    BundleError
        If the bytes are no such model, or no runtime is installed.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        interpreter_class = _runtime()
        try:
            self._interpreter = interpreter_class(model_content=model, num_threads=threads)
            runner = self._interpreter.get_signature_runner()
            inputs, outputs = runner.get_input_details(), runner.get_output_details()
        except (ValueError, RuntimeError) as error:
            raise BundleError(
                f"The model ({len(model)} bytes) is no TFLite file that {runtime_name()} reads; "
                "use a float32 bundle if the runtime is old, else train or convert it again."
            ) from error
        finally:
            runner = None  # the interpreter refuses to resize while one is about
        self._inputs = {name: int(detail["index"]) for name, detail in inputs.items()}
        self._outputs = {name: int(detail["index"]) for name, detail in outputs.items()}
        self._columns = {name: int(detail["shape"][1]) for name, detail in inputs.items()}
        widths = {name: detail["shape"][1:] for name, detail in outputs.items()}
        self._widths = {name: tuple(int(n) for n in shape) for name, shape in widths.items()}
        if not {"score", "feature_errors"} <= set(self._outputs):
            raise BundleError(
                f"The model answers {', '.join(sorted(self._outputs)) or 'nothing'}, not score "
                "and feature_errors; train or convert it with EdgeGuard."
            )
        self._allocated_rows = -1

    def score(self, inputs: ModelInput, *, details: bool = False) -> RawScores:
        """Scores of some flows; each depends on its own flow alone, not on how many there are.

        Parameters
        ----------
        details
            Also fetch ``reconstruction`` and ``latent``.

        Raises
        ------
        SchemaError
            If the inputs have another shape than the model's, or hold NaN or infinity, which a
            ``Preprocessor`` never lets through.
        BundleError
            If the model answers NaN or infinity, which would never raise an alert, or the runtime
            gives up on it, as integer division by 0 makes it.
        """
        self._check(inputs)
        names = ["score", "feature_errors", *(("reconstruction", "latent") if details else ())]
        n = len(inputs)
        answers = {name: np.empty((n, *self._widths[name]), np.float32) for name in names}
        for first in range(0, n, ROWS_A_CALL):
            rows = slice(first, min(first + ROWS_A_CALL, n))
            self._invoke(inputs.select(rows))
            for name, answer in answers.items():
                answer[rows] = self._interpreter.get_tensor(self._outputs[name])
        bad = n - int(np.count_nonzero(np.isfinite(answers["score"])))
        if bad:
            raise BundleError(
                f"The model gives no finite score for {bad} of {n} flows, so it would miss them; "
                "train it again."
            )
        return RawScores(**answers)

    def _invoke(self, batch: ModelInput) -> None:
        if len(batch) != self._allocated_rows:
            for name, index in self._inputs.items():
                shape = (len(batch), self._columns[name])
                self._interpreter.resize_tensor_input(index, shape)
            with _without_greeting():
                self._interpreter.allocate_tensors()
            self._allocated_rows = len(batch)
        for name, index in self._inputs.items():
            self._interpreter.set_tensor(index, np.ascontiguousarray(getattr(batch, name)))
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise BundleError(
                f"{runtime_name()} gives up on the model ({str(error).strip()[:200]}); "
                "take another variant of it, float32 above all."
            ) from error

    def _check(self, inputs: ModelInput) -> None:
        for name in ("numeric", "categorical"):
            found, wanted = getattr(inputs, name).shape[1], self._columns.get(name, 0)
            if found != wanted:
                raise SchemaError(
                    f"The model reads {wanted} {name} columns, and {found} were given; "
                    "use the preprocessor of the same bundle."
                )
        finite = np.isfinite(inputs.numeric)
        if not finite.all():
            row = int(np.flatnonzero(~finite.all(axis=1))[0])
            raise SchemaError(
                f"Row {row} holds NaN or infinity, which has no score; "
                "make the input with the preprocessor of the bundle, which fills missing values."
            )


class ScorerPool:
    """One ``Scorer`` for each thread that asks, of one model."""

    def __init__(self, model: bytes, threads: int = 1) -> None:
        self._model = model
        self._threads = threads
        self._local = threading.local()

    def scorer(self) -> Scorer:
        """The calling thread's own scorer, made at its first call."""
        found: Scorer | None = getattr(self._local, "scorer", None)
        if found is None:
            found = self._local.scorer = Scorer(self._model, self._threads)
        return found


def runtime_name() -> str:
    """The runtime that serves here: ``ai_edge_litert`` or ``tflite_runtime``.

    Raises
    ------
    BundleError
        If neither is installed.
    """
    return str(_runtime().__module__).partition(".")[0]


def _runtime() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError as error:
            raise BundleError(
                "No TFLite runtime is installed, and scoring needs one; "
                "run pip install ai-edge-litert."
            ) from error
    return Interpreter


@contextmanager
def native_stderr_muted() -> Iterator[None]:
    """Sends what native code prints to stderr nowhere, for the length of one call.

    For libraries that announce themselves from C++ and have no switch for it: stderr is for
    warnings and errors. Exceptions pass as ever.
    """
    try:
        kept = os.dup(2)
    except OSError:  # a service without a stderr has nothing to keep clean
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


@contextmanager
def _without_greeting() -> Iterator[None]:
    """Keeps the runtime's line about its XNNPACK delegate, once a process, off stderr."""
    global _greeted
    if _greeted:
        yield
        return
    with _first_allocation, native_stderr_muted():
        yield
        _greeted = True
