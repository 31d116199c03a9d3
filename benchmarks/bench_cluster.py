"""Segmentation on dask workers against the same in one process: time, and time of processors.

Run ``PYTHONPATH=. python benchmarks/bench_cluster.py [--side 4096] [--workers 2] [--blend halo]
[--keep-memory]``.
A section of noise, the light network with random weights, float32, one thread a process. Loading
the network counts in both runs, loading the workers' packages does not. The results are compared.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import dask
import numpy as np
import torch
from distributed import Client, LocalCluster
from tests.helpers.sections import make_section
from tests.networks.test_networks import a_card

from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.networks.build import build_network
from napari_olivine.networks.files import save_model
from napari_olivine.section import Section

NANNY = "distributed.nanny.pre-spawn-environ"
KEEP = {"MALLOC_TRIM_THRESHOLD_": 1 << 34, "MALLOC_MMAP_THRESHOLD_": 1 << 34, "MALLOC_ARENA_MAX": 1}


def noise(folder: Path, side: int) -> Section:
    random = np.random.default_rng(0)
    coarse = random.integers(40, 200, (side // 16 + 1, side // 16 + 1))
    image = np.kron(coarse, np.ones((16, 16)))[:side, :side]
    return make_section(folder, {"BSE": (image + random.integers(0, 40, image.shape)).astype("u1")})


def cpu_s() -> float:
    """Processor seconds that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def probability(section: Section) -> np.ndarray:
    return section.raster("probability", "olivine").read(slice(0, None), slice(0, None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep-memory", action="store_true", help="as docs/steps/cluster.md says")
    parser.add_argument("--blend", default="halo", choices=["halo", "cosine", "mean"])
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model"
        model.mkdir()
        save_model(model, build_network("light").eval(), a_card())
        section = noise(Path(scratch) / "s", asked.side)
        settings = {"model": str(model), "engine": "float32", "blend": asked.blend}
        start, used = time.monotonic(), cpu_s()
        segment(section, SegmentSettings(**settings), Job(force=True))
        alone_s, alone_cpu = time.monotonic() - start, cpu_s() - used
        expected = probability(section)
        environ = dask.config.get(NANNY)
        with (
            dask.config.set({NANNY: environ | KEEP if asked.keep_memory else environ}),
            LocalCluster(
                n_workers=asked.workers, threads_per_worker=1, dashboard_address=":0"
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            address = cluster.scheduler_address
            # Imports of the packages take seconds, once in the life of a worker.
            client.run(lambda: __import__("napari_olivine.inference.cluster_task"))
            there = sum(client.run(cpu_s).values())
            start = time.monotonic()
            segment(section, SegmentSettings(**settings, scheduler=address), Job(force=True))
            cluster_s = time.monotonic() - start
            cluster_cpu = sum(client.run(cpu_s).values()) - there
        difference = int(np.abs(probability(section).astype(int) - expected).max())
    megapixels = asked.side**2 / 1e6
    print(f"{megapixels:.1f} Mpx, {asked.blend}, {asked.workers} workers of one thread")
    print(f"one process: {alone_s:.1f} s, {alone_cpu / megapixels:.2f} processor seconds a Mpx")
    print(f"workers:     {cluster_s:.1f} s, {cluster_cpu / megapixels:.2f} processor seconds a Mpx")
    print(f"processor time: {cluster_cpu / alone_cpu:.2f} times, time: {alone_s / cluster_s:.2f}")
    print(f"largest difference of the results: {difference} of 255")


if __name__ == "__main__":
    main()
