"""Figures that were published, as they are quoted on the page of a comparison.

Tables 1 to 3 of ddvika/SEM_segmentation (github.com/ddvika/SEM_segmentation, commit 6978fb0, images
in its README), and Leichter et al. (2022), doi 10.3389/feart.2022.740638.
"""

from __future__ import annotations

SEM_SEGMENTATION = "ddvika/SEM_segmentation"

CLASSES = ("Pores", "Quartz", "Albite", "Clay")

TABLES: dict[int, dict[str, tuple[float, ...]]] = {
    128: {
        "Custom model": (0.59, 0.53, 0.40, 0.40),
        "Unet + inceptionv3": (0.63, 0.58, 0.45, 0.44),
        "Unet + inceptionresnetv2": (0.63, 0.56, 0.41, 0.43),
        "Unet + efficientnetb3": (0.61, 0.60, 0.46, 0.44),
        "Unet + efficientnetb4": (0.63, 0.58, 0.45, 0.44),
        "Linknet + efficientnetb3": (0.63, 0.57, 0.43, 0.44),
        "Linknet + inceptionv3": (0.63, 0.57, 0.43, 0.44),
        "ResUnet": (0.62, 0.56, 0.45, 0.43),
        "Unet + resnet18": (0.62, 0.55, 0.41, 0.42),
        "Unet + VGG16": (0.62, 0.57, 0.43, 0.43),
        "Unet + VGG19": (0.62, 0.57, 0.42, 0.43),
    },
    256: {
        "Custom model": (0.61, 0.55, 0.42, 0.43),
        "Unet + inceptionv3": (0.65, 0.64, 0.52, 0.47),
        "Unet + inceptionresnetv2": (0.65, 0.64, 0.52, 0.47),
        "Unet + efficientnetb4": (0.64, 0.61, 0.49, 0.45),
        "Linknet + inceptionv3": (0.65, 0.64, 0.52, 0.47),
        "ResUnet": (0.65, 0.62, 0.49, 0.47),
    },
    512: {
        "ResUnet": (0.48, 0.56, 0.46, 0.44),
        "Unet + resnet18": (0.51, 0.62, 0.48, 0.46),
        "Unet + inceptionresnetv2": (0.51, 0.62, 0.50, 0.47),
        "Unet + efficientnetb4": (0.51, 0.65, 0.53, 0.47),
        "Unet + inceptionv3": (0.51, 0.61, 0.48, 0.46),
    },
}
"""IoU by crop size (px) and network; the background of the third, 0.99 for all, is left out."""

WHY_NOT_OURS = (
    "IoU of the minerals of other rocks (pores, quartz, albite, clay, labelled by QEMSCAN), “best "
    "approach for each model”. Whether hard or soft IoU made these tables is not known: the code "
    "has both, and the soft one multiplies probabilities, so that it lies below the hard one of "
    "the same network. Compare the order of the networks at most, not the values."
)

WHY_NO_TABLE_4 = (
    "Table 4 (pix2pix, “800 x 800”, in truth 768; 0.31, 0.71, 0.44, 0.37, background 0.99) is no "
    "valid IoU and is not a target. Its notebook fed the raw outputs of a tanh, from -1 to 1, into "
    "the soft IoU: the same cell prints values up to 16.64 and down to -1.69, and 0.17 for the "
    "background. And the loop scored tiles that the network had been trained on, not the 300 that "
    "were held out."
)

LEICHTER = (
    "Leichter et al. (2022), doi 10.3389/feart.2022.740638: DeepLabV3 on olivine of their own "
    "section, IoU about 85 %, overall accuracy 98.5 to 98.8 % at threshold 0.1, against a mask "
    "made from element maps. Where 3 % of the pixels are olivine, a network that finds none has an "
    "overall accuracy of 97 %: look at the IoU."
)
