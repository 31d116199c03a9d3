"""OpenVINO as an engine for processors, where it is installed (extra ``openvino``)."""

from __future__ import annotations

import sys
import warnings
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_olivine.inference.engines.engine import EngineError, EngineName, FloatImage, Promise
from napari_olivine.inference.engines.optimize import optimize_network, shift_traceably
from napari_olivine.inference.engines.torch_engine import encode_probability
from napari_olivine.job import Job

TRACED_PX = 320
"""Side of the window on which a network is traced; its features are wider than any dilation."""

LOOK_MS = 100
"""How often a running window looks whether it is still wanted."""


def is_installed() -> bool:
    """Tell whether the extra is there."""
    return find_spec("openvino") is not None


class OpenVinoEngine:
    """A network compiled by OpenVINO for the processor's own instructions.

    Parameters
    ----------
    network
        Network in evaluation mode; stays as it is.
    shape
        Of the batches: (windows, channels, rows, columns); compiled anew for another.
    bfloat16
        Whether the processor multiplies bfloat16 in hardware.
    threads
        Cores to use; all if 0.
    job
        Its cancel stops a window that is under way.

    Raises
    ------
    EngineError
        If OpenVINO is missing or cannot compile the network.
    """

    name: EngineName = "openvino"

    def __init__(
        self, network: nn.Module, shape: tuple[int, ...], bfloat16: bool, threads: int, job: Job
    ) -> None:
        if not is_installed():
            raise EngineError("OpenVINO is not installed (pip install 'napari-olivine[openvino]')")
        self._bfloat16, self._threads, self._job = bfloat16, threads, job
        self._graph = _Stored(shift_traceably(optimize_network(network, eager=False))).eval()
        self._compiled: dict[tuple[int, ...], Any] = {}
        self._request(shape)

    def start(self, images: FloatImage) -> Promise:
        """Begin to predict; see `Engine.start`."""
        return lambda: self._predict(images)

    def _predict(self, images: FloatImage) -> NDArray[np.uint8]:
        request = self._request(images.shape)
        request.start_async({0: np.ascontiguousarray(images)}, share_inputs=True)
        while not request.wait_for(LOOK_MS):
            if self._job.cancel.is_set():
                request.cancel()
                with suppress(RuntimeError):  # "was canceled"
                    request.wait()
                self._job.check()
        return cast(NDArray[np.uint8], request.get_output_tensor(0).data.copy())

    def _request(self, shape: tuple[int, ...]) -> Any:
        if shape not in self._compiled:
            core = load_openvino().Core()
            hint = {"INFERENCE_PRECISION_HINT": "bf16" if self._bfloat16 else "f32"}
            if self._threads:
                hint["INFERENCE_NUM_THREADS"] = str(self._threads)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of torch, about tracing
                try:
                    # Traced on a small window: from there on nothing depends on the size.
                    example = torch.zeros(*shape[:2], *(min(TRACED_PX, s) for s in shape[2:]))
                    with torch.inference_mode():
                        traced = torch.jit.trace(self._graph, example, check_trace=False)  # type: ignore[no-untyped-call]
                    model = _converted(traced, example)
                    model.reshape(list(shape))
                    self._compiled[shape] = core.compile_model(
                        model, "CPU", hint
                    ).create_infer_request()
                except RuntimeError as error:
                    raise EngineError(f"OpenVINO cannot compile the network ({error})") from error
        return self._compiled[shape]


def load_openvino() -> Any:
    """Import OpenVINO without the part of it that sends statistics to its makers.

    That part sends them at the import, from a forked process: a person was not asked, and the
    process waits for ever for what a thread of this one held when it was forked.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _converted(traced: Any, example: Tensor) -> Any:
    """Turn a traced network into OpenVINO's.

    OpenVINO's own `convert_model` does the same, and reports its use as `load_openvino` tells.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    frontend = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(traced, example_input=example)
    return frontend.convert(frontend.load(decoder))


class _Stored(nn.Module):
    """A network with its probability as it is stored, so that bytes leave the graph."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return encode_probability(self.network(images))
