"""Engines: the same network, faster; checked against float32 and given up where they fail."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from napari_olivine.errors import Cancelled, InputError
from napari_olivine.inference.engines import (
    EngineError,
    choose_engine,
    measure_agreement,
    plain_engine,
    select as choosing_module,
)
from napari_olivine.inference.engines.cuda_engine import CudaEngine
from napari_olivine.inference.engines.openvino_engine import OpenVinoEngine, is_installed
from napari_olivine.inference.engines.optimize import (
    LEAST_DILATION,
    DoublingBlock,
    PaddedTaps,
    ShiftedConv2d,
    is_atrous,
    optimize_network,
    shift_traceably,
)
from napari_olivine.inference.engines.select import WORTH_COMPARING, Agreement
from napari_olivine.inference.engines.torch_engine import TorchEngine, encode_probability
from napari_olivine.job import Job
from napari_olivine.networks import NETWORKS
from napari_olivine.networks.build import Network, build_network
from napari_olivine.networks.device import has_fast_bfloat16
from napari_olivine.networks.torchvision_shim import smp
from tests.networks.test_networks import heard

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
ATROUS = ["deeplabv3_resnet50", "deeplabv3_mobilenet_v3_large"]

needs_openvino = pytest.mark.skipif(
    not is_installed(), reason="OpenVINO is not installed (the extra napari-olivine[openvino])"
)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA card here")


@pytest.fixture(scope="module")
def network_named() -> Callable[[str], Network]:
    """Networks with batch normalisations that do something, and with answers as a trained one's."""
    made: dict[str, Network] = {}

    def make(name: str) -> Network:
        if name not in made:
            network = build_network(name, seed=4).train()
            generator = torch.Generator().manual_seed(1)
            for module in network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    nn.init.uniform_(module.weight, 0.7, 1.3, generator)
                    nn.init.uniform_(module.bias, -0.2, 0.2, generator)
            with torch.no_grad():
                for _ in range(4):
                    network(1.3 * torch.randn(2, NETWORKS[name].channels, 96, 96) + 0.2)
            last = [m for m in network.eval().modules() if isinstance(m, nn.Conv2d)][-1]
            with torch.no_grad():
                logits = network(windows(name, 1, 256, 256, seed=9))
                last.weight /= 2 * logits.std()
                last.bias /= 2 * logits.std()
                last.bias += 1 - logits.mean() / (2 * logits.std())
            made[name] = network
        return made[name]

    return make


def windows(name: str, *shape: int, seed: int = 0) -> torch.Tensor:
    """Grey with something in it: coarse blobs and noise."""
    count, rows, columns = shape
    random = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 1, rows // 8 + 1, columns // 8 + 1, generator=random)
    blobs = nn.functional.interpolate(coarse, (rows, columns), mode="bilinear")
    noise = 0.3 * torch.randn(count, 1, rows, columns, generator=random)
    return (blobs + noise).expand(-1, NETWORKS[name].channels, -1, -1).contiguous()


# ---------------------------------------------------------------- rewriting

# One network of each family, as all together would take minutes; and inception's convolutions
# with activations in their normalisation.
FAMILIES = [
    "light", "unet_resnet18", "deeplabv3_resnet50", "deeplabv3_mobilenet_v3_large",
    "linknet_resnet18", "unet_inceptionv3", "unet_efficientnetb3", "pix2pix",
]  # fmt: skip
NOT_FOLDED = {"pix2pix": 12, "unet_efficientnetb3": 78}
"""Batch normalisations of networks that name them otherwise, or keep them in lists of their own."""

# Windows that are and are not multiples of 32; whose features are smaller than the dilations of
# 12, 24 and 36 (an eighth of 288 px is 36); batches of one, two and more.
SHAPES = [(1, 96, 96), (3, 72, 40), (1, 288, 288), (2, 131, 72), (5, 33, 47)]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_rewritten_network_predicts_the_same(
    network_named: Callable[[str], Network], name: str
) -> None:
    network = network_named(name)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    ours = optimize_network(network, eager=True).to(memory_format=torch.channels_last)
    traced = shift_traceably(optimize_network(network, eager=False))
    for shape in SHAPES:
        images = windows(name, *shape)
        with torch.inference_mode():
            expected = network(images)
            assert expected.std() > 0.002, "the network says something"
            assert (ours(images) - expected).abs().max() < 1e-4
            assert (traced(images) - expected).abs().max() < 1e-4
    for changed in (ours, traced):
        norms = sum(isinstance(module, nn.BatchNorm2d) for module in changed.modules())
        assert norms == NOT_FOLDED.get(name, 0)
        assert not any(is_atrous(module) for module in changed.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])


def test_what_is_rewritten(network_named: Callable[[str], Network]) -> None:
    def count(name: str, kind: type, traceable: bool = False) -> int:
        changed = optimize_network(network_named(name), eager=not traceable)
        changed = shift_traceably(changed) if traceable else changed
        return sum(isinstance(module, kind) for module in changed.modules())

    assert count("light", DoublingBlock) == 4
    assert count("unet_resnet18", DoublingBlock) == 5
    assert count("light", DoublingBlock, traceable=True) == 0
    for name in ATROUS:  # 12, 24 and 36 pixels of the features apart
        assert count(name, ShiftedConv2d) == 3
        assert count(name, PaddedTaps, traceable=True) == 3


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 3),
    channels=st.integers(1, 7),
    out=st.integers(1, 5),
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    dilation=st.integers(LEAST_DILATION, 45),
    bias=st.booleans(),
    channels_last=st.booleans(),
)
def test_atrous_taps_are_the_convolution(
    count: int, channels: int, out: int, rows: int, columns: int,
    dilation: int, bias: bool, channels_last: bool,
) -> None:  # fmt: skip
    torch.manual_seed(dilation)
    convolution = nn.Conv2d(channels, out, 3, padding=dilation, dilation=dilation, bias=bias)
    assert is_atrous(convolution)
    images = torch.randn(count, channels, rows, columns)
    if channels_last:
        images = images.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        expected = convolution(images)
        for ours in (ShiftedConv2d(convolution), PaddedTaps(convolution)):
            found = ours(images)
            assert found.shape == expected.shape
            assert (found - expected).abs().max() < 1e-5


@pytest.mark.parametrize(
    "other",
    [
        {"dilation": 4, "padding": 4},
        {"dilation": 12, "padding": 0},
        {"dilation": (12, 24), "padding": (12, 24)},
        {"dilation": 12, "padding": 12, "stride": 2},
        {"dilation": 12, "padding": 12, "groups": 2},
        {"dilation": 12, "padding": 12, "padding_mode": "reflect"},
        {"dilation": 12, "padding": 24, "kernel_size": 5},
    ],
)
def test_other_convolutions_stay_as_they_are(other: dict) -> None:
    assert not is_atrous(nn.Conv2d(4, 4, **({"kernel_size": 3} | other)))
    network = nn.Sequential(nn.Conv2d(4, 4, **({"kernel_size": 3} | other)))
    assert type(optimize_network(network, eager=True)[0]) is nn.Conv2d


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 3),
    channels=st.integers(1, 6),
    skipped=st.integers(0, 5),
    out=st.integers(1, 6),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    extra=st.integers(0, 1),
)
def test_doubled_pixels_are_the_decoder_block(
    count: int, channels: int, skipped: int, out: int, rows: int, columns: int, extra: int
) -> None:
    from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoderBlock

    torch.manual_seed(channels)
    block = nn.Sequential()
    block.only = UnetDecoderBlock(channels, skipped, out).eval()
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -1, 1)
            nn.init.uniform_(module.running_var, 0.5, 2)
    ours = optimize_network(block, eager=True).only
    assert isinstance(ours, DoublingBlock)
    # Also to a size that is not twice the map's, as nothing of ours asks for.
    high, wide = 2 * rows + extra, 2 * columns
    images = torch.randn(count, channels, rows, columns)
    beside = torch.randn(count, skipped, high, wide) if skipped else None
    with torch.inference_mode():
        expected = block.only(images, high, wide, beside)
        for _ in range(2):  # the second time with the sums of weights that were kept
            found = ours(images, high, wide, beside)
            assert (found - expected).abs().max() < 1e-5


def test_a_block_with_attention_or_smooth_doubling_stays() -> None:
    body = smp().Unet(
        "resnet18", encoder_weights=None, in_channels=1, decoder_attention_type="scse"
    )
    body = body.double().eval()  # how float32 rounds depends on the processor
    changed = optimize_network(body, eager=True)
    assert not any(isinstance(module, DoublingBlock) for module in changed.modules())
    images = windows("light", 1, 64, 64).double()
    with torch.inference_mode():
        assert (changed(images) - body(images)).abs().max() < 1e-9


# ---------------------------------------------------------------- what is stored


def test_probability_as_it_is_stored() -> None:
    logits = torch.tensor([-200.0, 0.0, 200.0, np.log(0.1 / 0.9)]).reshape(1, 1, 2, 2)
    assert encode_probability(logits).flatten().tolist() == [
        0,
        128,
        255,
        26,
    ]  # 127.5 and 25.5, to even
    for value in range(256):  # any probability that can be stored is
        p = torch.tensor(value / 255, dtype=torch.float64).clamp(1e-7, 1 - 1e-7)
        assert encode_probability(torch.logit(p).float().reshape(1, 1, 1, 1)).item() == value


def test_probabilities_of_several_classes_add_up() -> None:
    random = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(2, 3, 20, 30, generator=random)
    stored = encode_probability(logits.clone()).double()
    exact = logits.double().exp() / logits.double().exp().sum(1, keepdim=True)
    assert (stored - 255 * exact).abs().max() <= 0.5 + 1e-3
    assert (stored.sum(1) - 255).abs().max() <= 1
    assert stored[0, :, 0, 0].argmax() == logits[0, :, 0, 0].argmax()
    # In half precision the softmax is still taken in float32.
    assert (encode_probability(logits.bfloat16()).double() - stored).abs().max() <= 4


# ---------------------------------------------------------------- agreement


def test_agreement_of_known_arrays() -> None:
    expected = np.zeros((1, 1, 100, 100), np.uint8)
    expected[..., :40, :] = 200
    assert measure_agreement(expected, expected) == Agreement(0.0, {0.1: 1.0, 0.5: 1.0})
    found = expected.copy()
    found[..., 40:50, :] = 100  # above 0.1 (25.5) and below 0.5 (127.5)
    result = measure_agreement(found, expected)
    assert result.difference == pytest.approx(0.1 * 100 / 255)
    assert result.iou == {0.1: pytest.approx(0.8), 0.5: 1.0}
    assert not result.enough
    assert str(result) == "0.0392 in the mean (IoU 0.800 at 0.1, 1.000 at 0.5)"
    # 26 is at least 0.1, 25 is not.
    edge = np.where(expected == 200, np.uint8(26), np.uint8(25))
    assert measure_agreement(edge, expected).iou == {0.1: 1.0, 0.5: 0.0}


def test_a_handful_of_olivine_pixels_decides_nothing() -> None:
    expected = np.zeros((1, 1, 384, 384), np.uint8)
    expected.flat[: WORTH_COMPARING - 1] = 255
    found = np.zeros_like(expected)
    assert measure_agreement(found, expected).iou == {}
    assert not measure_agreement(found, expected).enough  # the mean tells
    expected.flat[: WORTH_COMPARING - 1] = 128
    assert measure_agreement(found, expected).enough
    expected.flat[: WORTH_COMPARING + 1] = 128
    assert not measure_agreement(found, expected).enough


# ---------------------------------------------------------------- choosing


class Blobs(nn.Module):
    """A small network that finds bright blobs."""

    def __init__(self, gain: float = 4.0) -> None:
        super().__init__()
        self.smooth = nn.Conv2d(1, 1, 5, padding=2)
        nn.init.constant_(self.smooth.weight, gain / 25)
        nn.init.constant_(self.smooth.bias, -1)
        self.eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.smooth(images)


SAMPLE = windows("light", 1, 192, 192).numpy()
SHAPE = (1, 1, 256, 256)


def expected_of(network: nn.Module, images: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return (255 * torch.sigmoid(network(torch.from_numpy(images)))).round().byte().numpy()


class Lying:
    """An engine that forgot its bias."""

    name = "bfloat16"

    def __init__(self, name: str, network: nn.Module, *others: object) -> None:
        self.network = network

    def start(self, images: np.ndarray) -> Callable[[], np.ndarray]:
        with torch.inference_mode():
            logits = self.network(torch.from_numpy(images)) + 1
        return lambda: encode_probability(logits).numpy()


def warnings_of(events: list[dict]) -> list[str]:
    return [event["message"] for event in events if event["event"] == "warning"]


def test_an_engine_that_is_off_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = TorchEngine

    def torch_engine(name: str, *others: object, **options: object) -> object:
        return (Lying if name == "bfloat16" else plain)(name, *others, **options)

    monkeypatch.setattr(choosing_module, "TorchEngine", torch_engine)
    monkeypatch.setattr(choosing_module, "has_fast_bfloat16", lambda device: True)
    monkeypatch.setattr(choosing_module, "is_installed", lambda: False)
    job, events = heard()
    network = Blobs()
    engine = choose_engine(network, SAMPLE, SHAPE, "auto", Job(listen=job.listen, device="cpu"))
    assert engine.name == "float32"
    assert np.array_equal(engine.start(SAMPLE)(), expected_of(network, SAMPLE))
    (told,) = warnings_of(events)
    assert told.startswith("Engine bfloat16 is off from float32 by 0.1")
    assert "(IoU 0." in told


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EngineError("not on this machine"), "not on this machine"),
        (RuntimeError("could not create a primitive\nand many more lines"), "create a primitive);"),
        (MemoryError(), "MemoryError"),
        (ImportError("libopenvino.so: cannot open shared object file"), "libopenvino.so"),
        (AttributeError("module 'openvino' has no attribute 'Core'"), "no attribute 'Core'"),
    ],
)
def test_an_engine_that_fails_gives_way(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(choosing_module, "OpenVinoEngine", fail)
    monkeypatch.setattr(choosing_module, "is_installed", lambda: True)
    monkeypatch.setattr(choosing_module, "has_fast_bfloat16", lambda device: False)
    for wanted in ("auto", "openvino"):
        job, events = heard()
        engine = choose_engine(Blobs(), SAMPLE, SHAPE, wanted, Job(listen=job.listen, device="cpu"))
        assert engine.name == "float32"
        (told,) = warnings_of(events)
        assert told.startswith("Engine openvino does not work here (")
        assert reason in told
        assert "\n" not in told
        assert np.array_equal(engine.start(SAMPLE)(), expected_of(Blobs(), SAMPLE))


def test_an_engine_that_is_not_installed_is_not_tried_unless_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from napari_olivine.inference.engines import openvino_engine

    monkeypatch.setattr(openvino_engine, "find_spec", lambda name: None)
    monkeypatch.setattr(choosing_module, "is_installed", openvino_engine.is_installed)
    job, events = heard()
    job.device = "cpu"
    assert choose_engine(Blobs(), SAMPLE, SHAPE, "auto", job).name != "openvino"
    assert not warnings_of(events)
    assert choose_engine(Blobs(), SAMPLE, SHAPE, "openvino", job).name == "float32"
    assert "pip install 'napari-olivine[openvino]'" in warnings_of(events)[0]


def test_who_waits_for_the_first_window_gets_no_engine_that_is_slow_to_make(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choosing_module, "is_installed", lambda: True)

    def slow(*_: object) -> None:
        raise EngineError("takes seconds to compile")

    monkeypatch.setattr(choosing_module, "OpenVinoEngine", slow)
    job, events = heard()
    job.device = "cpu"
    engine = choose_engine(Blobs(), SAMPLE, SHAPE, "auto", job, quick=True)
    assert engine.name in ("bfloat16", "float32")
    assert not warnings_of(events)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA card here")
def test_a_card_that_is_not_there_gives_way_when_named() -> None:
    job, events = heard()
    assert choose_engine(Blobs(), SAMPLE, SHAPE, "cuda", job).name == "float32"
    assert warnings_of(events)[0].startswith("Engine cuda does not work here (")
    with pytest.raises(InputError, match="no device 'cuda' here"):
        choose_engine(Blobs(), SAMPLE, SHAPE, "auto", Job(device="cuda"))


def test_rewriting_that_spoils_a_network_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_olivine.inference.engines import torch_engine

    def spoil(network: nn.Module, *, eager: bool) -> nn.Module:
        return Blobs(gain=1.0)

    def fail(network: nn.Module, *, eager: bool) -> nn.Module:
        raise AssertionError("another version of the library")

    monkeypatch.setattr(choosing_module, "is_installed", lambda: False)
    for rewriting in (spoil, fail):
        monkeypatch.setattr(torch_engine, "optimize_network", rewriting)
        job, events = heard()
        job.device = "cpu"
        engine = choose_engine(Blobs(), SAMPLE, SHAPE, "auto", job)
        assert engine.name == "float32"
        assert np.array_equal(engine.start(SAMPLE)(), expected_of(Blobs(), SAMPLE))
        assert "Engine float32" in warnings_of(events)[-1]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_engine_of_this_machine_agrees_with_float32(
    network_named: Callable[[str], Network], name: str
) -> None:
    network = network_named(name)
    images = windows(name, 1, 192, 192).numpy()
    job, events = heard()
    engine = choose_engine(network, images, images.shape, "auto", job)
    assert not warnings_of(events)
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        fastest = "openvino" if is_installed() else None
        fastest = fastest or ("bfloat16" if has_fast_bfloat16(CPU) else "float32")
        assert engine.name == fastest
    other = windows(name, 1, 192, 192, seed=3).numpy()
    assert measure_agreement(engine.start(other)(), expected_of(network, other)).difference < 0.005


# ---------------------------------------------------------------- engines on a processor


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("classes", [1, 3])
def test_engines_of_torch_answer_for_odd_batches_and_classes(batch: int, classes: int) -> None:
    network = build_network("light", classes=classes).eval()
    images = windows("light", batch, 90, 64).numpy()
    with torch.inference_mode():
        expected = encode_probability(network(torch.from_numpy(images))).numpy()
    assert expected.shape == (batch, classes, 90, 64)
    exact = TorchEngine("float32", network, CPU, torch.float32, Job()).start(images)()
    assert exact.dtype == np.uint8
    assert np.abs(exact.astype(int) - expected).max() <= 1
    rough = TorchEngine("bfloat16", network, CPU, torch.bfloat16, Job()).start(images)()
    assert np.abs(rough.astype(int) - expected).mean() < 0.005 * 255
    plain = plain_engine(network, Job()).start(images)()
    assert np.abs(plain.astype(int) - expected).max() <= 1
    weights = next(network.parameters())
    assert weights.dtype == torch.float32  # the network itself stays as it was


@pytest.mark.parametrize("name", ["float32", "bfloat16", "openvino"])
def test_engines_give_the_softmax_of_one_phase(name: str) -> None:
    network = build_network("light", classes=4).eval()
    last = [m for m in network.modules() if isinstance(m, nn.Conv2d)][-1]
    with torch.no_grad():
        last.weight *= 60  # logits of hundreds, whose exponentials overflow
    images = windows("light", 1, 64, 96).numpy()
    with torch.inference_mode():
        every = network(torch.from_numpy(images))
        expected = (every.softmax(1)[:, 2:3] * 255).round().numpy()
    assert every.abs().max() > 100
    network.kept = 2
    precision = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if name in precision:
        found = TorchEngine(name, network, CPU, precision[name], Job()).start(images)()  # type: ignore[arg-type]
    elif is_installed():
        found = OpenVinoEngine(network, images.shape, False, 0, Job()).start(images)()
    else:
        pytest.skip("OpenVINO is not installed")
    assert found.shape == (1, 1, 64, 96)
    off = np.abs(found.astype(int) - expected)
    assert off.max() <= 1 if name != "bfloat16" else off.mean() < 0.02 * 255
    plain = plain_engine(network, Job()).start(images)()
    assert measure_agreement(plain, expected).difference < 1e-4


def test_a_forward_pass_stops_between_its_layers_when_the_job_is_cancelled() -> None:
    cancel, passed = threading.Event(), []

    class Watched(nn.Module):
        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            passed.append(self.place)
            if self.place == 1 and len(passed) > 4:  # the second window
                cancel.set()
            return images

    network = nn.Sequential(*(Watched(k) for k in range(4))).eval()
    engine = TorchEngine("float32", network, CPU, torch.float32, Job(cancel=cancel))
    images = np.zeros((1, 1, 32, 32), np.float32)
    engine.start(images)()
    with pytest.raises(Cancelled):
        engine.start(images)()
    assert passed == [0, 1, 2, 3, 0, 1]


# ---------------------------------------------------------------- OpenVINO


@needs_openvino
@pytest.mark.parametrize("name", ["light", "deeplabv3_mobilenet_v3_large"])
def test_openvino_agrees_with_float32(network_named: Callable[[str], Network], name: str) -> None:
    network = network_named(name)
    engine = OpenVinoEngine(network, (1, NETWORKS[name].channels, 96, 96), False, 0, Job())
    # Compiled anew for other windows and batches; the features of both are smaller than the
    # dilations, of the first not a multiple of the network's 32.
    for shape in ((1, 96, 96), (2, 328, 104)):
        images = windows(name, *shape).numpy()
        found = engine.start(images)()
        assert found.shape == (shape[0], 1, *shape[1:])
        assert np.abs(found.astype(int) - expected_of(network, images)).max() <= 1


@needs_openvino
def test_openvino_answers_for_several_classes() -> None:
    network = build_network("light", classes=3).eval()
    images = windows("light", 1, 64, 96).numpy()
    with torch.inference_mode():
        expected = encode_probability(network(torch.from_numpy(images))).numpy()
    found = OpenVinoEngine(network, images.shape, False, 0, Job()).start(images)()
    assert np.abs(found.astype(int) - expected).max() <= 1


@needs_openvino
def test_openvino_stops_midway(
    network_named: Callable[[str], Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    from napari_olivine.inference.engines import openvino_engine

    monkeypatch.setattr(openvino_engine, "LOOK_MS", 5)
    job = Job()
    images = windows("light", 1, 1024, 1024).numpy()
    engine = OpenVinoEngine(network_named("light"), images.shape, False, 0, job)
    begun, started = time.perf_counter(), time.process_time()
    whole = engine.start(images)()
    seconds, worked = time.perf_counter() - begun, time.process_time() - started
    threading.Timer(seconds / 10, job.cancel.set).start()
    started = time.process_time()
    with pytest.raises(Cancelled):
        engine.start(images)()
    assert time.process_time() - started < 0.8 * worked
    job.cancel.clear()
    assert np.array_equal(engine.start(images)(), whole)  # and works again


@needs_openvino
def test_a_network_that_openvino_cannot_compile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_olivine.inference.engines import openvino_engine

    def fail(*_: object) -> None:
        raise RuntimeError("no conversion rule for aten::roll")

    monkeypatch.setattr(openvino_engine, "_converted", fail)
    with pytest.raises(EngineError, match="cannot compile the network.*aten::roll"):
        OpenVinoEngine(Blobs(), SHAPE, False, 0, Job())


# ---------------------------------------------------------------- CUDA


@needs_cuda
@pytest.mark.parametrize("name", FAMILIES)
def test_cuda_agrees_with_float32(network_named: Callable[[str], Network], name: str) -> None:
    network = network_named(name)
    engine = CudaEngine(network, torch.device("cuda"), torch.bfloat16, Job())
    # More under way than there are buffers, and a batch that is not full.
    batches = [windows(name, n, 192, 160, seed=n).numpy() for n in (2, 1, 2, 2, 1)]
    waits = [engine.start(images) for images in batches]
    for wait, images in zip(waits, batches, strict=True):
        found = wait()
        assert measure_agreement(found, expected_of(network, images)).difference < 0.005
        assert np.array_equal(found, wait())


class OnTheProcessor:
    """A lane of a card, computed here: its buffers are written anew by every batch."""

    def __init__(self, network: nn.Module, shape: tuple[int, ...], *_: object) -> None:
        self.shape = shape


def test_smaller_batches_go_through_the_lanes_of_larger_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from napari_olivine.inference.engines import cuda_engine

    monkeypatch.setattr(cuda_engine, "_BatchSlot", OnTheProcessor)
    engine = CudaEngine(Blobs(), CPU, torch.float32, Job())
    slots = engine._slots_for((2, 1, 64, 64))
    assert len(slots) == cuda_engine.SLOTS
    assert engine._slots_for((1, 1, 64, 64)) is slots
    assert engine._slots_for((1, 1, 32, 64)) is not slots
    larger = engine._slots_for((4, 1, 64, 64))
    assert larger[0].shape == (4, 1, 64, 64)
    assert engine._slots_for((2, 1, 64, 64)) is larger  # whose own memory is free again
    assert set(engine._slots) == {(1, 1, 32, 64), (4, 1, 64, 64)}


def test_a_cancelled_job_starts_no_batch_on_a_card() -> None:
    job = Job()
    job.cancel.set()
    engine = CudaEngine(Blobs(), CPU, torch.float32, job)
    with pytest.raises(Cancelled):
        engine.start(SAMPLE)


SILENT = """
import multiprocessing.process, os, sys, time
multiprocessing.process.BaseProcess.start = lambda _: os._exit(7)  # what reports its use
import torch
from napari_olivine.inference.engines.openvino_engine import OpenVinoEngine
from napari_olivine.job import Job
network = torch.nn.Conv2d(1, 1, 3, padding=1).eval()
OpenVinoEngine(network, (1, 1, 64, 64), False, 1, Job())
time.sleep(1)  # it would be a thread that starts the process
"""


@needs_openvino
def test_openvino_sends_nothing_home() -> None:
    """Its import and its converter would report their use from processes that they fork."""
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "GITHUB_ACTIONS")}
    command = [sys.executable, "-c", SILENT]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
