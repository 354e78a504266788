"""Home: the whole story in one picture, and the way into each lesson."""

import altair as alt
import streamlit as st

from gradviz import ui
from gradviz.charts.home import gradient_through_depth as home
from gradviz.language import t
from gradviz.ui import catalog

TITLE = ("Why gradients vanish and explode", "梯度为何会消失，又为何会爆炸")


@ui.made_once
def story_picture() -> alt.VConcatChart:
    return home.gradient_through_depth()


def story() -> str:
    ui.picture(story_picture(), key="story_chart", opens=[FACTOR, LAYERS])
    return t(
        "One factor per layer decides everything: a little under 1 and the first layers hear "
        "nothing, a little over 1 and they are shouted at. The beam is as wide as the gradient's "
        "power of ten: drag its edge.",
        "每层一个因子，决定一切：略小于 1，前几层就什么也听不到；略大于 1，它们就会被震得发聋。"
        "光束的宽度就是梯度的数量级，拖动它的边缘试试。",
    )


def cards() -> None:
    for heading, entries in catalog.parts().items():
        with st.container(key=f"part_{entries[0].name}"):
            st.subheader(heading, anchor=False)
            with st.container(key=f"cards_{entries[0].name}"):
                for entry in entries:
                    with st.container(border=True, gap="small", key=f"card_{entry.name}"):
                        ui.thumbnail(entry.name)
                        ui.lesson_link(entry)
                        st.caption(t(*entry.summary))
                        ui.tick(entry.name)


def prose(key: str, text: str) -> None:
    with st.container(key=f"prose_{key}"):
        st.markdown(text)


ui.open_page("home", TITLE)
FACTOR = ui.opening(
    "factor", home.FACTOR, low=home.FACTORS[0], high=home.FACTORS[1], default=home.OPENING_FACTOR
)
LAYERS = ui.opening(
    "layers", home.DEPTH, low=home.DEPTHS[0], high=home.DEPTHS[1], default=home.OPENING_DEPTH
)
STORY = ui.Figure("story", ("The gradient on its way back", "梯度的回程"), story)
WHAT = t(
    "A network learns from a gradient that travels from the loss back to its first layer. On the "
    "way it is multiplied by **one factor per layer**: times [0.8](#story?factor=0.8&layers=60) it "
    "vanishes, times [1](#story?factor=1&layers=60) it arrives, times "
    "[1.25](#story?factor=1.25&layers=60) it explodes. Drag the factor.",
    "网络靠梯度学习：梯度从损失出发，一路传回第一层，每经过一层就**乘上一个因子**："
    "乘 [0.8](#story?factor=0.8&layers=60)，梯度消失；乘 [1](#story?factor=1&layers=60)，原样传到；"
    "乘 [1.25](#story?factor=1.25&layers=60)，梯度爆炸。拖动这个因子试试。",
)
if ui.single_figure() is None:
    ui.heading("gradviz", t(*TITLE))
    prose("what", WHAT)
    ui.show_figure(STORY, ui.words_of(WHAT))
elif ui.single_figure() == STORY.name:
    ui.show_figure(STORY)
else:
    ui.unknown_figure(ui.single_figure() or "", [STORY.name])
ui.complain_of_hidden([STORY.name])
if ui.single_figure() is None:
    prose(
        "how",
        t(
            "The lessons follow the notes “Vanishing and exploding gradients” section by section. "
            "Everything in them is computed: real networks, real data, recorded or live, theory "
            "drawn as a line and measurements as marks over it.",
            "课程逐节讲解《梯度消失与梯度爆炸》一文。其中的一切都是算出来的：真实的网络，真实的数据，"
            "或是录制，或是现场训练；理论画成线，测量值画成点。",
        ),
    )
    ui.progress()
    cards()
