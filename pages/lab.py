"""The lab: up to four networks of any recipe on one bench, raced, measured and taken home."""

import functools
import io

import altair as alt
import pandas as pd
import streamlit as st

from gradviz import store, ui
from gradviz.bench import MOST_SEEDS, SEEDS, Bench, engine_of, layer_steps
from gradviz.charts.lab.panels import panels
from gradviz.charts.layers import step_layer_map
from gradviz.charts.parts.handles import REPLAY
from gradviz.charts.parts.spec import Spec
from gradviz.charts.parts.summary import run_key
from gradviz.charts.replay import USUAL_CURVES
from gradviz.diagnosis import Finding, by_seed, diagnose
from gradviz.engine.history import curves_frame, history_frame
from gradviz.language import t
from gradviz.quantities import QUANTITIES
from gradviz.recipe import Recipe, replace
from gradviz.take_home import notebook, script
from gradviz.ui import exercises
from gradviz.ui.arms import arm_names, declare_bench

lesson = ui.Lesson("lab", edit=lambda text: exercises.in_place(text, "task"))

SICK = Recipe()
# Three arms: there is room for the one that the diagnosis proposes.
OPENS = Bench((SICK, replace(SICK, norm="batch"), replace(SICK, residual=True)))
EXPLODING = Recipe(activation="relu", gain=3.0, depth=6, lr=0.03, steps=150)
DEEP_TANH = Recipe(activation="tanh", depth=20, init="xavier_normal")
BEGINNINGS = {
    t("Sigmoid and two cures", "sigmoid 与两种疗法"): OPENS,
    t("Depth: 10 layers, 1 layer", "深度：10 层与 1 层"): Bench((SICK, replace(SICK, depth=1))),
    t("Exploding weights, clipping", "权重过大，梯度剪切"): Bench(
        (EXPLODING, replace(EXPLODING, clip="norm", clip_at=3.0))
    ),
    t("Weight scale: small, critical, large", "权重尺度：偏小、临界、偏大"): Bench(
        tuple(replace(DEEP_TANH, init="kaiming_normal", gain=g) for g in (0.5, 1.0, 3.0))
    ),
    t("Pre-training (Hinton 2006)", "预训练（Hinton 2006）"): Bench(
        (replace(SICK, depth=3), replace(SICK, depth=3, pretrain="rbm"))
    ),
    t(
        "Glorot & Bengio 2010: old and new weights", "Glorot 与 Bengio 2010：旧初始化与新初始化"
    ): Bench((replace(DEEP_TANH, init="pytorch"), DEEP_TANH)),
    t("He et al. 2015: ReLU with 2/n and 1/n", "He 等 2015：ReLU 配 2/n 与 1/n"): Bench(
        tuple(
            replace(SICK, activation="relu", depth=30, gain=gain, optimizer="adam", lr=0.001)
            for gain in (None, 1.0)
        )
    ),
    t("Optimizers: SGD, Adam", "优化器：SGD 与 Adam"): Bench(
        (DEEP_TANH, replace(DEEP_TANH, optimizer="adam", lr=0.001))
    ),
}
TASK = exercises.of_link()
EDITOR = (
    declare_bench(OPENS, BEGINNINGS)
    if TASK is None
    else declare_bench(Bench((TASK.start,)), {}, TASK.fixed, TASK.hidden)
)
N_SEEDS = ui.number(
    "seeds",
    t("Seeds", "种子数"),
    low=1,
    high=MOST_SEEDS,
    default=SEEDS,
    step=1,
    help=t("Replicas of each arm, from other random numbers.", "每组用不同随机数重复的次数。"),
)
QUANTITY = ui.quantity_choice("quantity", tuple(QUANTITIES))
NAMES = arm_names(EDITOR.bench)
MAP_ARM, HOME_ARM = (
    ui.choice(
        key, t("Arm", "组别"), tuple(NAMES), default="a", help=help_text, names=NAMES, menu=True
    )
    for key, help_text in (
        ("map_arm", t("Which arm the map shows.", "图中显示哪一组。")),
        ("home_arm", t("Which network the program trains.", "程序训练哪一个网络。")),
    )
)
DEEPEST = max(arm.depth for arm in EDITOR.bench)
LAYER, SEEN_LAYER = (
    ui.number(
        key,
        t("Layer", "层"),
        low=1,
        high=max(2, DEEPEST),
        default=default,
        step=1,
        help=t("Of the hidden layers, counted from the input.", "从输入端数起的隐藏层。"),
    )
    for key, default in (("layer", 1), ("seen_layer", DEEPEST))
)
UNIT = ui.number(
    "unit",
    t("Unit", "神经元"),
    low=1,
    high=max(arm.width for arm in EDITOR.bench),
    default=1,
    step=1,
    help=t("Which of the layer's units.", "该层中的哪一个神经元。"),
)
PLANE = Recipe(dataset="spirals", depth=8, width=10, lr=0.1, steps=600)
# About a minute and a half on one core.
MOST_LAYER_STEPS = 1_200_000
CODE = """
from gradviz import Recipe, history_frame, race, replace

sick = Recipe()
arms = {"a": sick, "b": replace(sick, norm="batch")}
history = history_frame(race(arms, seeds=3))
history.to_parquet("run.parquet")
"""


def bench() -> Bench:
    """What stands on the bench. Raises `ValueError` where it is too much for a server."""
    EDITOR.keep_up()
    own = Bench(EDITOR.bench, N_SEEDS.value)
    cost = layer_steps(own)
    if cost > MOST_LAYER_STEPS:
        raise ValueError(
            t(
                "This bench would compute {cost:,.0f} layers times steps times seeds; at most "
                "{most:,} are possible here. Take fewer layers, steps, seeds or arms, or a "
                "smaller width.",
                "这组实验要计算约 {cost:,.0f} 个“层 × 步 × 种子”，此处最多允许 {most:,} 个。"
                "请减少层数、步数、种子数或组数，或减小宽度。",
                cost=cost,
                most=MOST_LAYER_STEPS,
            )
        )
    return own


@lesson.figure(("Set an exercise", "出一道题") if TASK is None else ("The task", "题目"))
def task() -> str | None:
    asked = TASK
    if asked is None:
        exercises.show_form(EDITOR.bench[0])
        return t(
            "An exercise begins with arm A as it stands. Give this link to your class.",
            "练习从 A 组的当前设置开始。把这个链接发给学生。",
        )
    own = bench()
    exercises.train_receipt("race")

    def draw(frames: ui.Frames) -> None:
        exercises.show_task(asked, own.arms[0], frames, own)

    ui.live_run("task", own.named(), own.seeds, draw, join=True)
    return None


@lesson.figure(("The race", "比一比"), controls=[EDITOR, N_SEEDS, QUANTITY])
def race() -> str:
    own = bench()
    arms, names = own.named(), arm_names(own.arms)
    # Theory is of random weights, which those of a pre-trained network are not.
    random = [name for name, arm in arms.items() if arm.pretrain == "none"]
    frames = ui.race(
        "race",
        arms,
        names,
        QUANTITY.value,
        theory=random,
        seeds=own.seeds,
        follow=True,
        before=not_trained(),
    )
    if not ui.ended(frames):
        same = t("Same data, same batches, same first weights.", "数据、批次与初始权重都相同。")
        return same + of_other_numbers()
    ends = ui.ends_in_words(frames, names)
    return t("Test accuracy: {ends}.", "测试准确率：{ends}。", ends=ends) + of_other_numbers()


def not_trained() -> str:
    """What stands where the picture will be, and says what to do."""
    if TASK is None:
        return t(
            "These networks have not been trained yet. Press **Train it live**.",
            "这些网络还没有训练过，请按“**现场训练**”。",
        )
    return t(
        "Change the network: its settings stand in the groups **Network**, **Start** and so on. "
        "Then press **Train it live**, and the picture of its layers comes here.",
        "先改动网络：设置分列在“**网络**”“**初始化**”等组里。再按“**现场训练**”，"
        "它各层的图就会出现在这里。",
    )


def of_other_numbers() -> str:
    """Of a link that was made with another version of the engine: its numbers may be others."""
    made_with = engine_of(st.query_params.to_dict())
    if made_with in (None, store.ENGINE):
        return ""
    return t(
        " This link is from version {then} of the engine, this is {now}: numbers may differ a "
        "little.",
        "这个链接出自引擎的第 {then} 版，现在是第 {now} 版：数值可能略有出入。",
        then=made_with,
        now=store.ENGINE,
    )


@lesson.figure(("Diagnosis", "诊断"))
def diagnosis() -> str:
    own = bench()

    def draw(frames: ui.Frames) -> None:
        if ui.ended(frames):
            for name, title in arm_names(own.arms).items():
                show_findings(name, title, findings_of(frames, name, own.named()[name]))

    ui.live_run("diagnosis", own.named(), own.seeds, draw, join=True)
    return t(
        "From measurements only, by rules with thresholds and sources: gradviz/diagnosis.py.",
        "只依据测量值，按照写明阈值与出处的规则得出：gradviz/diagnosis.py。",
    )


Findings = tuple[tuple[int, tuple[Finding, ...]], ...]  # of so many seeds the same illnesses


@ui.made_once
def findings_of(frames: ui.Frames, arm: str, recipe: Recipe) -> Findings:
    """What ails an arm, most seeds first: they need not all end alike."""
    own = [frame for frame in frames if frame.arm == arm]
    expected = ui.expected_profile(recipe)
    groups: dict[tuple[str, ...], list[tuple[Finding, ...]]] = {}
    for measured in by_seed(own, recipe, expected).values() if own else ():
        found = tuple(diagnose(measured))
        groups.setdefault(tuple(finding.illness for finding in found), []).append(found)
    ordered = sorted(groups.values(), key=len, reverse=True)
    return tuple((len(group), group[0]) for group in ordered)


def show_findings(name: str, title: str, groups: Findings) -> None:
    """What ails one arm, and a button that adds the arm in which that is changed."""
    seeds = sum(count for count, _ in groups)
    for group, (count, findings) in enumerate(groups):
        some = t(" ({n} of {all} seeds)", "（{all} 个种子中的 {n} 个）", n=count, all=seeds)
        for place, finding in enumerate(findings):
            heading = f"**{title}** · {finding.title()}{some if count < seeds else ''}"
            st.markdown(f"{heading}  \n{finding.sentence()}")
            # In an exercise the button would be the solution.
            if finding.change is not None and EDITOR.has_room and TASK is None:
                st.button(
                    t("Add an arm: {words}", "加一组：{words}", words=finding.change.words()),
                    key=f"cure_{name}_{group}_{place}",
                    icon=":material/healing:",
                    help=finding.advice(),
                    on_click=add_cured,
                    args=(name, finding),
                )


def add_cured(name: str, finding: Finding) -> None:
    if finding.change is not None:
        EDITOR.add(finding.change.applied(bench().named()[name]))


@lesson.figure(("Everything measured, layer by layer", "逐层测得的一切"))
def everything() -> str:
    own = bench()
    steps = max(arm.steps for arm in own.arms)
    step = ui.opening("everything_step", REPLAY, low=0, high=steps, default=steps)

    def draw(frames: ui.Frames) -> None:
        if frames:
            names = tuple(arm_names(own.arms).items())
            depth = max(arm.depth for arm in own.arms)
            drawn = panels_picture(frames, names, depth)
            ui.picture(drawn, "everything_chart", opens=[step] if ui.ended(frames) else [])

    ui.live_run("everything", own.named(), own.seeds, draw, join=True)
    return t(
        "One slider moves all of them, and the race above. The axes hold the whole run and all "
        "arms.",
        "一个滑块带动这里的所有图，上面的比赛也随之而动。坐标轴涵盖整个训练过程和所有组。",
    )


@ui.made_once
def panels_picture(frames: ui.Frames, names: tuple[tuple[str, str], ...], depth: int) -> Spec:
    shown = frames if ui.ended(frames) else list({frame.arm: frame for frame in frames}.values())
    quantities = list(QUANTITIES.values())
    # The race's picture calls the run by its curves, and so its slider and this one go together.
    run = run_key(curves_frame(frames, list(USUAL_CURVES)))
    ended = ui.ended(frames)
    return panels(history_frame(shown), quantities, dict(names), depth, ended, run=run)


@lesson.figure(("One arm, the whole run", "其中一组的整个训练过程"), controls=[MAP_ARM])
def heat_map() -> str:
    own = bench()
    arm, quantity = MAP_ARM.value, QUANTITY.value

    def draw(frames: ui.Frames) -> None:
        if frames:
            ui.picture(map_picture(frames, arm, quantity), "map_chart")

    ui.live_run("heat_map", own.named(), own.seeds, draw, join=True)
    return t(
        "Each column is a training step, each row a layer; the color is a power of ten.",
        "每一列是一个训练步，每一行是一层；颜色表示数量级。",
    )


@ui.made_once
def map_picture(frames: ui.Frames, arm: str, quantity: str) -> alt.LayerChart:
    own = history_frame((frame for frame in frames if frame.arm == arm), [quantity])
    return step_layer_map(own, quantity, QUANTITIES[quantity].title())


@lesson.figure(("Under the microscope", "显微镜下的一层"), controls=[LAYER])
def microscope() -> str:
    own, layer = bench(), LAYER.value
    names = arm_names(own.arms)
    if not ui.layer_microscope("microscope", own.named(), own.seeds, names, layer):
        return ""
    without = [name.upper() for name, arm in own.named().items() if arm.depth < layer]
    told = t(
        "All values of the layer, over units and a batch of examples; beyond the dashed lines "
        "slopes are under 5% of the largest: saturated.",
        "该层在所有神经元与一批样本上的全部取值；虚线之外，斜率不到最大值的 5%，即饱和。",
    )
    if not without:
        return told
    absent = t(
        " {arms}: no layer {layer}.",
        "{arms} 没有第 {layer} 层。",
        arms=t(", ", "、").join(without),
        layer=layer,
    )
    return told + absent


SPIRALS = ui.Preset(
    t("Two spirals", "两条螺旋线"),
    EDITOR.setting((PLANE, replace(PLANE, residual=True))) | {SEEN_LAYER: 8, UNIT: 1},
    t(
        "Without shortcuts every place is the same to the last layer, and nothing is told apart; "
        "with them the spirals are.",
        "没有捷径时，平面上各处在末层看来毫无区别，什么也分不开；有了捷径，两条螺旋线就分开了。",
    ),
)


@lesson.figure(
    ("What a network makes of the plane", "网络眼中的平面"),
    controls=[SEEN_LAYER, UNIT],
    # It would take the network of an exercise off the bench.
    presets=[SPIRALS] if TASK is None else [],
)
def surfaces() -> str:
    own = bench()
    if any(arm.dataset == "digits" for arm in own.arms):
        many = t(
            "The digits are points in 64 dimensions, which no picture shows whole.",
            "手写数字是 64 维空间中的点，画不全。",
        )
        offer = t(
            " Data in the plane can be seen: press **Two spirals**, or choose other data in the "
            "race above.",
            "平面上的数据才看得见：请按“**两条螺旋线**”，或在上面的比赛里换一种数据。",
        )
        st.markdown(many + (offer if TASK is None else ""))
        return ""
    layer, unit = SEEN_LAYER.value, UNIT.value
    names = arm_names(own.arms)
    if not ui.decision_surfaces("surfaces", own.named(), own.seeds, names, layer, unit):
        return ""
    return t(
        "Above: the likelier class, the paler the less sure. Below: the output of unit {unit} in "
        "layer {layer}, the darker the larger.",
        "上排：可能性更大的类别，颜色越淡越没有把握。下排：第 {layer} 层第 {unit} 个神经元的输出，"
        "越深越大。",
        unit=unit,
        layer=layer,
    )


@lesson.figure(("Take it home", "带回家"), controls=[HOME_ARM])
def take_home() -> str:
    own = bench().named()
    recipe = own.get(HOME_ARM.value, own["a"])
    _downloads(recipe)
    st.code(script(recipe), language="python", height=340, wrap_lines=True)
    return t(
        "Plain PyTorch, without gradviz: it draws the same weights and batches and finds the "
        "numbers of the first seed above, to rounding.",
        "纯 PyTorch，不依赖 gradviz：它取相同的权重与批次，"
        "得到的就是上面第一个种子的数值（舍入误差除外）。",
    )


def _downloads(recipe: Recipe) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        st.download_button(
            t("Script", "脚本"),
            script(recipe),
            "network.py",
            "text/x-python",
            key="home_script",
            icon=":material/download:",
            on_click="ignore",
            help=t("A Python file.", "一个 Python 文件。"),
        )
        st.download_button(
            t("Notebook", "笔记本"),
            notebook(recipe),
            "network.ipynb",
            "application/x-ipynb+json",
            key="home_notebook",
            icon=":material/download:",
            on_click="ignore",
            help=t("The same for Jupyter.", "同样的内容，供 Jupyter 使用。"),
        )


@lesson.figure(("The numbers", "数据"))
def numbers() -> str:
    own = bench()

    def draw(frames: ui.Frames) -> None:
        if frames:
            st.dataframe(
                numbers_table(frames),
                height=240,
                hide_index=True,
                column_config={"value": st.column_config.NumberColumn(format="%.3g")},
                key="numbers_table",
            )
            _files(frames)

    ui.live_run("numbers", own.named(), own.seeds, draw, join=True)
    return t(
        "One row for each arm, step, seed, layer and quantity. Here are the first 200; the "
        "files hold all, and the curves.",
        "每行对应一个组、一步、一个种子、一层和一个量。这里是前 200 行；文件中是全部数据，"
        "曲线也在内。",
    )


@ui.made_once
def numbers_table(frames: ui.Frames) -> pd.DataFrame:
    """What is shown: the first rows."""
    return history_frame(frames).head(200)


def _files(frames: ui.Frames) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        for kind, mime, make in FILES:
            st.download_button(
                kind,
                functools.partial(make, frames),
                f"gradviz.{kind.lower()}",
                mime,
                key=f"numbers_{kind}",
                icon=":material/download:",
                on_click="ignore",
                help=t("All rows, as {kind}.", "全部数据，{kind} 格式。", kind=kind),
            )


def _csv(frames: ui.Frames) -> bytes:
    return _all_rows(frames).to_csv(index=False).encode()


def _parquet(frames: ui.Frames) -> bytes:
    file = io.BytesIO()
    _all_rows(frames).to_parquet(file, index=False)
    return file.getvalue()


def _all_rows(frames: ui.Frames) -> pd.DataFrame:
    """Layers and curves in one table; a curve has no layer."""
    return pd.concat([history_frame(frames), curves_frame(frames)], ignore_index=True)


FILES = (
    ("CSV", "text/csv", _csv),
    ("Parquet", "application/vnd.apache.parquet", _parquet),
)
lesson.show(CODE)
