"""The small picture on a lesson's card: the gradient's way back in its first run."""

from __future__ import annotations

import html
import json

import numpy as np
import pandas as pd
import streamlit as st

from gradviz import thumbnails
from gradviz.charts import beam
from gradviz.charts.parts.powers import rounded_power
from gradviz.language import t
from gradviz.ui import catalog
from gradviz.ui.made_once import made_once

# What the arms are called in alt texts; an activation is called by its own name.
_ARMS = {
    "deep": ("a deep network", "深层网络"),
    "explode": ("weights too large", "权重过大"),
    "healthy": ("weights of the right size", "权重大小合适"),
    "plain": ("without the remedy", "不加处理"),
    "autoencoder": ("pre-trained", "预训练之后"),
    "clip_norm": ("with clipping", "加梯度剪切"),
    "l2": ("with an L2 penalty", "加 L2 惩罚"),
    "batchnorm": ("with BatchNorm", "加批归一化"),
    "residual": ("with shortcuts", "加捷径"),
    "unscaled": ("with unscaled branches", "支路不缩放"),
    "rezero": ("with branches from zero", "支路从零开始"),
    "a": ("arm A", "A 组"),
    "b": ("arm B", "B 组"),
    "float16": ("float16", "float16"),
    "float32": ("float32", "float32"),
    "sigmoid": ("sigmoid", "sigmoid"),
    "tanh": ("tanh", "tanh"),
    "relu": ("ReLU", "ReLU"),
}


def thumbnail(lesson: str) -> None:
    """Draw the small picture of `lesson`, if it has one."""
    beams = thumbnails.read().get(lesson)
    if beams:
        st.html(_picture(tuple((arm, tuple(values)) for arm, values in beams.items())))


def progress() -> None:
    """Say how many of the lessons the reader has read; the page's script knows (`progress.js`)."""
    names = html.escape(json.dumps([entry.name for entry in catalog.LESSONS if entry.built]))
    st.html(f'<p class="gradviz-progress" data-lessons="{names}" hidden></p>')


def tick(lesson: str) -> None:
    """Mark the card of `lesson` as read, where the script finds that it is."""
    read = html.escape(t("Read", "已读"))
    st.html(
        f'<span class="gradviz-tick" role="img" aria-label="{read}" title="{read}" '
        f'data-lesson="{html.escape(lesson)}" hidden>✓</span>'
    )


@made_once
def _picture(beams: tuple[tuple[str, tuple[float | None, ...]], ...]) -> str:
    frames = {arm: _frame(values) for arm, values in beams}
    title = t(
        "The gradient at layer 1, as a share of that at the last layer",
        "第 1 层的梯度与最后一层的梯度之比",
    )
    words = [
        t("{arm}: {number}", "{arm}：{number}", arm=t(*_ARMS[arm]), number=_in_words(frame))
        for arm, frame in frames.items()
    ]
    description = f"{title}{t(': ', '：')}{t('; ', '；').join(words)}"
    return beam.thumbnail(list(frames.values()), description)


def _frame(values: tuple[float | None, ...]) -> pd.DataFrame:
    numbers = [np.inf if value is None else value for value in values]
    return beam.beam_frame(pd.DataFrame({"layer": range(1, len(values) + 1), "value": numbers}))


def _in_words(frame: pd.DataFrame) -> str:
    """What arrives at layer 1 in words."""
    first = frame.iloc[0]
    if first["state"] == "measured":
        return rounded_power(first["relative"])
    return "0" if first["state"] == "zero" else t("overflow", "上溢")
