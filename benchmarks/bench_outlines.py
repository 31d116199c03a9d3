"""What outlines from BSE bring to the start weights of the light network, by window and rounds.

    python benchmarks/bench_outlines.py FOLDER [--seeds 901 902 903 904 905 906 907 908]
        [--radii 2 3 4] [--rounds 1 3 5] [--threshold 0.3]

Small phantoms of the four rocks in turn are made in FOLDER (2 s each; those of the default seeds
are the ones that ``scripts/pretrain_light.py`` holds out) and predicted by the weights as they come
with the program. Told are, as means over the sections, the IoU of olivine against the truth and the
boundary IoU (2 px) of crystals from 1,000 px, and the number of regions, without the filter and
with it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy import ndimage

from napari_olivine.networks import (
    OWN_WEIGHTS_FOLDER,
    autocast,
    build_network,
    follow_grey,
    guided_filter,
    network_spec,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import pretrain_light

WINDOW = np.s_[0:768, 256:1280]
AROUND = np.ones((3, 3), bool)
Mask = NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(901, 909)))
    parser.add_argument("--radii", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--rounds", type=int, nargs="+", default=[1, 3, 5])
    parser.add_argument("--threshold", type=float, default=0.3)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    network = build_network("light", classes=len(pretrain_light.OWN_PHASES))
    state = load_file(OWN_WEIGHTS_FOLDER / network_spec("light").own_weights)
    network.load_state_dict(
        {name: one.float() if one.is_floating_point() else one for name, one in state.items()}
    )
    network.eval()
    sections = [predicted(network, given.folder, seed) for seed in given.seeds]
    tell("network", [score(p >= given.threshold, truth) for p, _, truth in sections])
    for radius in given.radii:
        for rounds in given.rounds:
            guided_filter.RADIUS_PX, guided_filter.ROUNDS = radius, rounds
            found = [(follow_grey(p[None], grey)[0], truth) for p, grey, truth in sections]
            scores = [score(p >= given.threshold, truth) for p, truth in found]
            tell(f"radius {radius}, {rounds} rounds", scores)


@torch.inference_mode()
def predicted(
    network: torch.nn.Module, folder: Path, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], Mask]:
    """Probability of olivine, normalised grey and true olivine of a section."""
    number = pretrain_light.FIRST_HELD_OUT - seed
    pretrain_light.make_sample(folder, number)
    grey, phase, _ = pretrain_light.load_sample(pretrain_light.sample_file(folder, number))
    grey = np.ascontiguousarray(grey[WINDOW])
    with autocast(torch.device("cpu")):
        logits = network(torch.from_numpy(grey[None, None]))
    p = logits.float().softmax(1)[0, pretrain_light.OLIVINE].numpy()
    return p, grey, phase[WINDOW] == pretrain_light.OLIVINE


def score(found: Mask, truth: Mask) -> tuple[float, float, int]:
    """IoU, boundary IoU of large crystals and of the regions that touch them, and regions."""
    crystals, _ = ndimage.label(truth, AROUND)
    large = (np.bincount(crystals.ravel()) >= 1000)[crystals] & truth
    regions, count = ndimage.label(found, AROUND)
    touching = np.isin(regions, np.unique(regions[large & found])) & found
    one, other = band(large), band(touching)
    iou = (found & truth).sum() / max(1, (found | truth).sum())
    return float(iou), float((one & other).sum() / max(1, (one | other).sum())), int(count)


def band(mask: Mask) -> Mask:
    """Return the pixels of a mask within 2 px of its outline."""
    inside = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return mask & (inside <= 2)


def tell(name: str, scores: list[tuple[float, float, int]]) -> None:
    iou, boundary, regions = np.array(scores).T
    print(
        f"{name:>22}: IoU {iou.mean():.3f}, boundary IoU {boundary.mean():.2f}, "
        f"{int(regions.sum())} regions",
        flush=True,
    )


if __name__ == "__main__":
    main()
