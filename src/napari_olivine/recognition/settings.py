"""Settings of the commands of recognise."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from napari_olivine.settings import Settings, setting


class ReadingSettings(Settings):
    """How images of a folder and crystals of a section become the images of a classifier."""

    table: Path | None = setting(
        None,
        "Table of a folder",
        "CSV with the columns file and class, and perhaps um_per_px, source and split; labels.csv "
        "in the folder where there is one. Without, each folder below is a class.",
    )
    examples: Path | None = setting(
        None,
        "Examples of a section",
        "CSV with the columns id and class: the class of some crystals. Crystals that two rows "
        "give two classes have none. Without this and {setting:class_column}, the kinds that "
        "were given in the review are the examples.",
    )
    scale: Literal["auto", "given", "hidden"] = setting(
        "auto",
        "Size of a pixel",
        "auto: used where it is known. given: an image without it is an error. hidden: no "
        "classifier sees it.",
    )
    phase: str = setting(
        "olivine", "Phase", "Mineral whose crystals of a section are the images.", min_length=1
    )
    class_column: str = setting(
        "",
        "Column of the class",
        "Column of the table of crystals that is their class where the examples say nothing, e.g. "
        "reviewed_class or verdict; none if empty.",
    )
    split_by: Literal["crystal", "session", "roles"] = setting(
        "crystal",
        "Split by",
        "What stays together when crystals of a section are divided: each crystal, all of a "
        "session, or (roles) the sessions with the role test are tested by and no others.",
    )
    frame_um: float | None = setting(
        None,
        "Frame",
        "Side of what is cut out around a crystal's centre; auto fits it to each crystal.",
        unit="um",
        gt=0,
        le=100_000,
    )
    margin: float = setting(
        0.25,
        "Margin",
        "Room around a crystal in a frame that is fitted to it, as a share of its longer side "
        "(ours).",
        ge=0,
        le=5,
    )
    cutout_px: int = setting(
        64,
        "Cut-out",
        "Rows and columns of a cut-out of a crystal (ours).",
        unit="px",
        ge=16,
        le=1024,
    )


class RecogniseTrainSettings(ReadingSettings):
    """Settings of :func:`~napari_olivine.recognition.train_classifier`."""

    classifier: str = setting(
        "linear",
        "Classifier",
        "Name of the classifier; of a classical one perhaps with what it sees: svm:pixels, "
        "svm:measurements, svm:deep, svm:all. docs/steps/recognise.md lists them.",
    )
    encoder: Literal["auto", "light", "resnet18", "resnet50", "mobilenet_v2"] = setting(
        "auto",
        "Deep features of",
        "Network whose layers are features. auto: for images in colours one of the last three, if "
        "its ImageNet weights lie in torch's cache; else the light network of the program.",
    )
    folds: int = setting(
        5,
        "Folds",
        "A classifier that trains within seconds is tested by so many folds (by source, "
        "stratified) before it learns all images; 0 tests nothing. Where the images bring a test "
        "side along, that is used instead.",
        ge=0,
        le=20,
    )
    refused: float | None = setting(
        None,
        "None of these",
        "Share of images of the classes that may be called none of these, so that images unlike "
        "all examples are. Empty: triplet and softmax take their own, 0.05; the others give every "
        "image a class.",
        gt=0,
        le=0.5,
    )


class RecognisePredictSettings(Settings):
    """Settings of :func:`~napari_olivine.recognition.predict_classes`."""

    table: Path | None = setting(
        None, "Table of a folder", "CSV with the columns file, class (may be empty), um_per_px."
    )


class RecogniseCompareSettings(ReadingSettings):
    """Settings of :func:`~napari_olivine.recognition.compare_classifiers`."""

    classifiers: list[str] = setting(
        ["light"],
        "Classifiers",
        "Names of classifiers, and groups of them: light (those that train within seconds), depth "
        "(fully connected, 2 to 22 hidden layers), residual (ResNet-18, 34, 152), table3 (Table 3 "
        "of Dell'Aversana 2021).",
        min_length=1,
    )
    encoder: Literal["auto", "light", "resnet18", "resnet50", "mobilenet_v2"] = setting(
        "auto", "Deep features of", "As in {step:recognise train}."
    )
    folds: int = setting(
        5,
        "Folds",
        "Each image is predicted once, by a classifier that has not seen its source (the paper: 3 "
        "to 5 folds). Where the images bring a test side along, that is used instead.",
        ge=2,
        le=20,
    )
    average: Literal["macro", "weighted"] = setting(
        "macro",
        "Mean over classes",
        "Of AUC, F1, precision and recall: each class counts the same (macro), or as much as it "
        "has images (weighted, as in Dell'Aversana 2021).",
    )


class RecogniseSuggestSettings(Settings):
    """Settings of :func:`~napari_olivine.recognition.suggest_examples`."""

    examples: Path | None = setting(
        None,
        "Examples of a section",
        "CSV with the crystals that have a class: id, class. Those with a kind that a person "
        "gave are left out too.",
    )
    most: int = setting(
        20, "Suggestions", "Crystals or images that are suggested.", ge=1, le=10_000
    )
