"""What the card of a model says, in words."""

from __future__ import annotations

from html import escape

from napari_olivine.networks import LearnedSection, ModelCard

MODES_SHOWN = 3
"""Phases by which a rock is told."""


def card_in_words(card: ModelCard, state: str) -> str:
    """Tell what a model is and how good it is, as HTML.

    Parameters
    ----------
    card
        Its card.
    state
        Whether it is up to date, in words.
    """
    return (
        f"<b>{card.title}</b><br>Start: {card.weights_from}<br>{learned_from(card)}<br>"
        f"Best epoch {card.best_epoch}: {scores_of(card)}<br>"
        f"{target_of(card)}<br>Model {state}"
    )


def scores_of(card: ModelCard) -> str:
    """Scores on the validation sessions, in words."""
    thresholds = {"iou_0.1": "0.1", "iou_0.5": "0.5", "iou_best": f"{card.best_threshold:.2f}"}
    parts = [f"{card.scores[k]:.3f} at {v}" for k, v in thresholds.items() if k in card.scores]
    return f"IoU {', '.join(parts)}" if parts else "no scores"


def learned_from(card: ModelCard) -> str:
    """Tell which sessions of which sections a model learned from, and how good it is in each."""
    if len(card.sections) < 2:
        return (
            f"Learned from session {', '.join(card.training_sessions)}, validated on "
            f"{', '.join(card.validation_sessions)}"
        )
    worst = min(card.sections, key=lambda one: one.scores["iou_best"])
    rows = [f"Learned from {len(card.sections)} sections:"]
    for one in card.sections:
        sessions = (
            f"session {', '.join(one.training_sessions)}, validated on "
            f"{', '.join(one.validation_sessions)}"
        )
        mark = ", the worst" if one is worst else ""
        iou = f"IoU {one.scores['iou_best']:.3f} at {card.best_threshold:.2f}{mark}"
        rock = f" ({escape(rock_of(one))})" if one.modes else ""
        rows.append(f"\N{BULLET} {escape(one.name)}{rock}: {escape(sessions)}, {iou}")
    return "<br>".join(rows)


def rock_of(section: LearnedSection) -> str:
    """Tell what rock a section is by the commonest phases of its mask."""
    common = sorted(section.modes.items(), key=lambda mode: -mode[1])[:MODES_SHOWN]
    return ", ".join(f"{name} {percent:.0f} %" for name, percent in common)


def target_of(card: ModelCard) -> str:
    """Tell in words what a model tells apart, and what it takes for olivine in validation."""
    others = len(card.phases) - 1
    target = f"Olivine among {others} other phases" if card.phases else "Olivine or not"
    taken = [f"{escape(name)} {100 * share:.0f} %" for name, share in card.taken.items()]
    return f"{target}; taken for olivine at 0.1: {', '.join(taken)}" if taken else target
