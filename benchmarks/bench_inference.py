"""Megapixels a second of each network's forward pass, by precision and window.

Run ``python benchmarks/bench_inference.py [--threads N] [--windows 512 1024] [--networks light]``.
Weights are random: the time does not depend on them.
"""

from __future__ import annotations

import argparse
import time

import torch

from napari_olivine.networks import NETWORKS
from napari_olivine.networks.build import build_network
from napari_olivine.networks.device import choose_device, has_fast_bfloat16


def megapixels_per_second(
    name: str, window: int, bfloat16: bool, device: torch.device, seconds: float
) -> tuple[float, float]:
    """Return Mpx a second of wall time and of processor time (both of the whole process)."""
    network = build_network(name).to(device).eval()
    images = torch.randn(1, NETWORKS[name].channels, window, window)
    images = images.to(device, memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        network(images)  # the first pass prepares kernels
        count, wall, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - wall < seconds:
            network(images).float().cpu()
            count += 1
    pixels = count * window**2 / 1e6
    return pixels / (time.perf_counter() - wall), pixels / (time.process_time() - cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="*", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--windows", nargs="*", type=int, default=[512, 1024])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    print(f"{device}, {options.threads} threads, bfloat16 in hardware: {has_fast_bfloat16(device)}")
    print("| network | window | precision | Mpx/s | Mpx/core-s |\n| --- | --- | --- | --- | --- |")
    for name in options.networks:
        for window in options.windows:
            for bfloat16 in (False, True):
                wall, cpu = megapixels_per_second(name, window, bfloat16, device, options.seconds)
                precision = "bfloat16" if bfloat16 else "float32"
                print(f"| {name} | {window} | {precision} | {wall:.2f} | {cpu:.2f} |", flush=True)


if __name__ == "__main__":
    main()
