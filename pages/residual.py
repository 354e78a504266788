"""§3.5: residual networks, the "+1" in every factor of the chain rule."""

import math

import altair as alt
import numpy as np
import pandas as pd

from gradviz import ui
from gradviz.charts.layer_factors import layer_factors
from gradviz.charts.layers import layer_profile
from gradviz.charts.parts.powers import power_of_ten, rounded_power
from gradviz.charts.residual.path_sum import DEPTHS, FACTORS, OPENING, path_sum
from gradviz.language import t
from gradviz.recipe import Recipe, replace
from gradviz.theory.mean_field import residual_growth

lesson = ui.remedy("residual")

RACE = Recipe(depth=20, steps=100)
RACES = {
    "digits": RACE,
    "spirals": replace(RACE, dataset="spirals", lr=0.02, batch_size=64, steps=400),
}
PLAIN_WINS = Recipe(dataset="spirals", depth=10, activation="relu", lr=0.007, steps=250)
UNSCALED = Recipe(depth=40, activation="relu", steps=60, residual=True)
DEGRADED = Recipe(depth=56, activation="tanh", init="orthogonal", gain=1.04, steps=100)
SAVING = 0.05  # the learning rate at which the residual network learns the spirals
TINY = 1e-8  # that at which unscaled branches do not overflow
RATES = (0.003, 0.01, 0.03, 0.1, 0.3)  # of which each network of `DEGRADED` has its best
BEST = {"shallow": 0.03, "deep": 0.01, "residual": 0.1}
PATHS = ui.number(
    "paths_depth",
    t("Blocks L", "块数 L"),
    low=DEPTHS[0],
    high=DEPTHS[1],
    default=4,
    step=1,
    help=t("Each block doubles the paths.", "每多一块，路径数翻倍。"),
)
DEPTH = ui.choice(
    "depth",
    t("Layers", "层数"),
    ("20", "40", "56"),
    default="20",
    help=t("Hidden layers, or residual blocks.", "隐藏层数，即残差块数。"),
)
ACTIVATION = ui.activation_choice("activation")
DATASET = ui.choice(
    "dataset",
    t("Data", "数据"),
    tuple(RACES),
    default="digits",
    help=t("With spirals: smaller batches, more steps.", "螺旋数据：批次更小，步数更多。"),
    names={"digits": t("digits", "手写数字"), "spirals": t("spirals", "螺旋")},
)
QUANTITY = ui.quantity_choice("quantity")
FACTOR_ACTIVATION = ui.activation_choice("factor_activation")
BLOCKS = ui.number(
    "blocks",
    t("Blocks", "块数"),
    low=2,
    high=56,
    default=30,
    step=1,
    help=t("Residual blocks.", "残差块的个数。"),
)
SCALED = ui.switch(
    "scaled",
    t("Scale by 1/√L", "乘以 1/√L"),
    default=False,
    help=t("Multiply each branch by s = 1/√L, or by s = 1.", "支路乘以 s = 1/√L，或 s = 1。"),
)
CASE = ui.choice(
    "case",
    t("Case", "情形"),
    ("degradation", "unscaled", "plain_wins"),
    default="degradation",
    help=t("Which limit to run.", "要运行哪一种局限。"),
    names={
        "degradation": t("degradation", "退化"),
        "unscaled": t("no scale", "不缩放"),
        "plain_wins": t("plain wins", "普通网络获胜"),
    },
    menu=True,
)
CONTROL = ui.switch(
    "control",
    t("Control", "对照"),
    default=False,
    help=t("The run that could refute the claim.", "可能推翻这一说法的对照。"),
)
FACTOR = ui.opening("a", "a", low=FACTORS[0], high=FACTORS[1], default=OPENING)
DIGITS = {DATASET: "digits", ACTIVATION: "sigmoid", QUANTITY: "delta"}
LEAST_GUESS, FIRST_GUESS, CLOSE = -12, -6, 0.5  # powers of ten
CODE = """
from gradviz import Recipe, history_frame, race

arms = {
    "plain": Recipe(depth=20, steps=100),
    "residual": Recipe(depth=20, steps=100, residual=True),
}
frames = list(race(arms, seeds=3))
history = history_frame(frames)
print({frame.arm: frame.accuracy.mean() for frame in frames})
print(history.query("quantity == 'delta' and step == 0").groupby(["arm", "layer"]).value.mean())
"""


def race_arms() -> dict[str, Recipe]:
    """The plain and the residual network of the race, as its controls stand."""
    plain = replace(
        RACES[DATASET.value],
        depth=int(DEPTH.value),
        activation=ACTIVATION.value,
    )
    return {"plain": plain, "residual": replace(plain, residual=True)}


def arm_names() -> dict[str, str]:
    return {"plain": t("plain", "普通网络"), "residual": t("residual", "残差网络")}


@lesson.figure(
    ("A product becomes a sum over paths", "乘积变成对路径的求和"),
    controls=[PATHS],
    presets=[
        ui.Preset(
            t("Small a", "a 很小"),
            {PATHS: 4, FACTOR: OPENING},
            t(
                "The path through the shortcuts alone carries 1, whatever $a$ is. The plain "
                "network has none but the gray path through all branches: at $a=0.25$ it carries "
                "four thousandths.",
                "只走捷径的那条路径，不论 $a$ 是多少都带来 1。普通网络只有穿过全部支路的灰色路径："
                "$a=0.25$ 时只带来千分之四。",
            ),
        ),
        ui.Preset(
            "a = 1",
            {PATHS: 4, FACTOR: 1.0},
            t(
                "At $a=1$ all 16 paths of 4 blocks carry 1, and the sum is 16: with every block it "
                "doubles.",
                "$a=1$ 时，4 个块的 16 条路径各带来 1，合计 16：每多一块就翻一倍。",
            ),
        ),
        ui.Preset(
            "a = −1",
            {PATHS: 4, FACTOR: -1.0},
            t(
                "At $a=-1$ paths of odd length subtract what those of even length add: nothing is "
                "left. A branch may undo its shortcut.",
                "$a=-1$ 时，奇数长度的路径减去偶数长度的路径所加的，一点不剩："
                "支路也能抵消自己的捷径。",
            ),
        ),
    ],
)
def idea() -> str:
    ui.picture(paths_picture(PATHS.value), "idea_chart", opens=[FACTOR])
    return t(
        "Drag $a$, which stands for weight × slope. A path through $k$ branches carries $a^k$; the "
        "more it carries, the brighter it is.",
        "拖动 $a$（它代表“权重 × 斜率”）。穿过 $k$ 条支路的路径带来 $a^k$，带来的越多就越亮。",
    )


@ui.made_once
def paths_picture(depth: int) -> alt.VConcatChart:
    return path_sum(depth)


@lesson.figure(
    ("Plain against residual", "普通网络与残差网络"),
    controls=[DEPTH, ACTIVATION, QUANTITY, DATASET],
    presets=[
        ui.Preset(
            t("20 layers", "20 层"),
            {**DIGITS, DEPTH: "20"},
            t(
                "Twenty sigmoid layers: the plain network's signal is lost on its way back, the "
                "residual one's arrives.",
                "二十层 sigmoid：普通网络的误差信号在回程中消失，残差网络的则传得到。",
            ),
        ),
        ui.Preset(
            t("40 layers", "40 层"),
            {**DIGITS, DEPTH: "40"},
            t(
                "Twice as deep: of the plain network's signal still less is left; the residual one "
                "learns as before.",
                "深一倍：普通网络剩下的误差信号更少，残差网络则照样学会。",
            ),
        ),
        ui.Preset(
            t("56 layers", "56 层"),
            {**DIGITS, DEPTH: "56"},
            t(
                "Even here the residual network comes above 90% within 100 steps.",
                "即便如此，残差网络训练 100 步，准确率仍超过 90%。",
            ),
        ),
        ui.Preset(
            t("Spirals", "螺旋"),
            {DATASET: "spirals", ACTIVATION: "relu", QUANTITY: "delta", DEPTH: "56"},
            t(
                "56 ReLU layers: at the start the signal arrives in the plain network too, yet "
                "only the residual one comes above 90%.",
                "56 层 ReLU：初始时普通网络的误差信号也传得到，但准确率超过 90% 的只有残差网络。",
            ),
        ),
    ],
)
def race() -> str:
    asked = asks_signal()
    arms = race_arms()
    frames = ui.race(
        "race",
        arms,
        arm_names(),
        QUANTITY.value,
        theory=list(arms),
        # On spirals the start is what is worth seeing: the signal arrives in both.
        opens_at=0 if DATASET.value == "spirals" else None,
        asked=ui.Asked(("residual",), low=LEAST_GUESS, start=FIRST_GUESS) if asked else None,
    )
    if not ui.ended(frames):
        return t("Same data, same batches.", "同样的数据，同样的批次。")
    if asked and frames.recorded:
        ask_signal(frames)
    return t(
        "Same data, same batches. Of the signal at the last layer, layer 1 receives at the start: "
        "{kept}. Accuracy in the end: {ends}.",
        "同样的数据，同样的批次。初始时，第 1 层收到的误差信号与最后一层之比：{kept}。"
        "最后的准确率：{ends}。",
        kept=ui.kept_in_words(frames, arm_names()),
        ends=ui.ends_in_words(frames, arm_names()),
    )


def asks_signal() -> bool:
    """The question is one of the state in which the page opens."""
    return all(
        control.value == control.default for control in (DEPTH, ACTIVATION, QUANTITY, DATASET)
    )


def ask_signal(frames: ui.Frames) -> None:
    kept = ui.kept_signals(frames)

    def reply(exponent: int | None) -> tuple[bool | None, str]:
        found = t(
            "Measured: {residual}, against {plain} in the plain network. The identity carries δ "
            "back past every branch.",
            "实测为 {residual}，普通网络则为 {plain}。恒等捷径绕过每条支路，把 δ 传了回去。",
            **{arm: rounded_power(share) for arm, share in kept.items()},
        )
        if exponent is None:
            return None, found
        off = math.log10(kept["residual"]) - exponent
        if abs(off) < CLOSE:
            return True, found
        words = {"guess": power(exponent), "off": rounded_power(10 ** abs(off))}
        if off > 0:
            missed = t(
                "You said {guess}: {off} times too little. ",
                "你猜的是 {guess}，小了 {off} 倍。",
                **words,
            )
        else:
            missed = t(
                "You said {guess}: {off} times too much. ",
                "你猜的是 {guess}，大了 {off} 倍。",
                **words,
            )
        return False, missed + found

    ui.ask(
        "signal_of_residual",
        t(
            "What share of the residual network's δ at the last layer arrives at layer 1, before "
            "training?",
            "训练之前，残差网络最后一层的 δ，有几分之几能传到第 1 层？",
        ),
        options=range(LEAST_GUESS, 1),
        reply=reply,
        names=power,
        guess=float,
        start=FIRST_GUESS,
        of_the_start=True,
    )


def power(exponent: int) -> str:
    return power_of_ten(exponent) if exponent else "1"


@lesson.figure(("The factors, layer by layer", "逐层的因子"), controls=[FACTOR_ACTIVATION])
def factors() -> str:
    plain = replace(RACE, activation=FACTOR_ACTIVATION.value)
    arms = {"plain": plain, "residual": replace(plain, residual=True)}
    ui.picture(factors_picture(tuple(arms.items()), tuple(arm_names().items())), "factors_chart")
    return t(
        "Before training, {depth} layers. The product of the marks is {plain} in the plain "
        "network and {residual} in the residual one.",
        "训练之前，{depth} 层。各点的乘积：普通网络为 {plain}，残差网络为 {residual}。",
        depth=RACE.depth,
        **{arm: rounded_power(product(recipe)) for arm, recipe in arms.items()},
    )


@ui.made_once
def factors_picture(
    arms: tuple[tuple[str, Recipe], ...], names: tuple[tuple[str, str], ...]
) -> alt.LayerChart:
    history = pd.concat([measured_factors(recipe).assign(arm=arm) for arm, recipe in arms])
    theory = pd.concat([expected_factors(arm, recipe) for arm, recipe in arms])
    return layer_factors(history, dict(names), theory)


@ui.measured
def measured_factors(recipe: Recipe) -> pd.DataFrame:
    from gradviz.engine import start

    return start.layer_factors(recipe)


def expected_factors(arm: str, recipe: Recipe) -> pd.DataFrame:
    """What theory says about the factors of `recipe`: columns arm, layer, value."""
    delta = ui.expected_profile(recipe)
    layers = range(2, recipe.depth + 1)
    return pd.DataFrame({"arm": arm, "layer": layers, "value": delta[:-1] / delta[1:]})


@ui.made_once
def product(recipe: Recipe) -> float:
    """That of the factors of the hidden layers, as the geometric mean over the seeds."""
    factors = measured_factors(recipe)
    hidden = factors[factors["layer"] <= recipe.depth]
    return math.exp(np.log(hidden["value"]).sum() / hidden["seed"].nunique())


@lesson.figure(("Why the branch is scaled", "支路为什么要缩放"), controls=[BLOCKS, SCALED])
def why() -> str:
    depth = BLOCKS.value
    scale = depth**-0.5 if SCALED.value else 1.0
    ui.picture(growth_picture(depth, scale, arm_names()["residual"]), "why_chart")
    return t(
        "Theory $(1+s^2)^L$ gives {theory} at the end; measured {measured}.",
        "理论 $(1+s^2)^L$ 在末端给出 {theory}；实测 {measured}。",
        theory=rounded_power(residual_growth(scale, depth)),
        measured=rounded_power(at_the_end(depth, scale)),
    )


@ui.made_once
def growth_picture(depth: int, scale: float, name: str) -> alt.LayerChart:
    layers = range(1, depth + 1)
    theory = [residual_growth(scale, layer) for layer in layers]
    return layer_profile(
        measured_growth(depth, scale).assign(arm="residual"),
        "growth",
        t("Variance, relative to the input", "相对输入的方差"),
        {"residual": name},
        theory=pd.DataFrame({"arm": "residual", "layer": layers, "value": theory}),
    )


@ui.measured
def measured_growth(depth: int, scale: float) -> pd.DataFrame:
    from gradviz.engine import start

    recipe = Recipe(depth=depth, width=128, activation="relu", residual=True, residual_scale=scale)
    return start.block_growth(recipe, examples=256)


@ui.made_once
def at_the_end(depth: int, scale: float) -> float:
    """The growth after the last block, as the geometric mean over the seeds."""
    growth = measured_growth(depth, scale)
    return float(np.exp(np.log(growth[growth["layer"] == depth]["value"]).mean()))


@lesson.figure(
    ("A signal that arrives is not all", "误差信号传得到，还不够"),
    presets=[
        ui.Preset(
            t("Degradation", "退化"),
            {CASE: "degradation", CONTROL: False},
            t(
                "Each network at its best learning rate: the deeper plain one has the higher "
                "training loss. Its signal is healthy all along.",
                "各用各的最佳学习率：更深的普通网络训练损失更高，而它的误差信号自始至终都健康。",
            ),
        ),
        ui.Preset(
            t("Control: one rate", "对照：同一学习率"),
            {CASE: "degradation", CONTROL: True},
            t(
                "All at 0.01: now the deeper plain network is not behind. What its depth costs are "
                "the larger steps, which it does not bear.",
                "都用 0.01：更深的普通网络并不落后。深度让它付出的代价，是承受不起更大的步子。",
            ),
        ),
        ui.Preset(
            t("No scale", "不缩放"),
            {CASE: "unscaled", CONTROL: False},
            t(
                "40 blocks on digits: with $s=1$ the variance doubles per block, δ grows on its "
                "way back, and the run overflows.",
                "手写数字，40 个残差块：$s=1$ 时方差每块翻倍，δ 在回程中越传越大，训练上溢。",
            ),
        ),
        ui.Preset(
            t("Control: tiny steps", "对照：极小的步子"),
            {CASE: "unscaled", CONTROL: True},
            t(
                "For $s=1$ the learning rate is now 10⁻⁸: it does not overflow, and does not learn "
                "either.",
                "$s=1$ 的学习率换成 10⁻⁸：不上溢了，却也学不会。",
            ),
        ),
        ui.Preset(
            t("Plain wins", "普通网络获胜"),
            {CASE: "plain_wins", CONTROL: False},
            t(
                "Spirals, ten ReLU layers, learning rate 0.007: the plain network learns them, the "
                "residual one has hardly begun.",
                "螺旋数据、十层 ReLU，学习率 0.007：普通网络学会了，残差网络才刚起步。",
            ),
        ),
        ui.Preset(
            t("Control: rate 0.05", "对照：学习率 0.05"),
            {CASE: "plain_wins", CONTROL: True},
            t(
                "The same with 0.05: now the residual network learns them, and more surely than "
                "the plain one. It was the learning rate and nothing more.",
                "学习率换成 0.05：残差网络学会了，而且比普通网络更稳。先前的胜负只取决于学习率。",
            ),
        ),
    ],
)
def limit() -> str:
    cases = {"degradation": degradation, "unscaled": unscaled, "plain_wins": plain_wins}
    return cases[CASE.value]()


def degradation() -> str:
    rates = dict.fromkeys(BEST, BEST["deep"]) if CONTROL.value else BEST
    arms = {
        "shallow": replace(DEGRADED, depth=20, lr=rates["shallow"]),
        "deep": replace(DEGRADED, lr=rates["deep"]),
        "residual": replace(DEGRADED, residual=True, lr=rates["residual"]),
    }
    names = {
        "shallow": t("plain, 20 layers", "普通网络，20 层"),
        "deep": t("plain, 56 layers", "普通网络，56 层"),
        "residual": t("residual, 56 blocks", "残差网络，56 块"),
    }
    frames = ui.race("limit", arms, names, curves=("loss",), curves_lead=True)
    what = t(
        "Digits, tanh, orthogonal weights; learning rates {shallow:g}, {deep:g} and {residual:g}, "
        "in the order of the legend.",
        "手写数字，tanh，正交权重；学习率依图例顺序为 {shallow:g}、{deep:g}、{residual:g}。",
        **rates,
    )
    if not ui.ended(frames):
        return what
    first, last = signal_extent(frames, "deep")
    return t(
        "{what} In the deep plain network $\\delta_1/\\delta_L$ is between {first:.2f} and "
        "{last:.1f} all along. Training loss in the end: {ends}.",
        "{what}深的普通网络里，$\\delta_1/\\delta_L$ 全程在 {first:.2f} 与 {last:.1f} 之间。"
        "最后的训练损失：{ends}。",
        what=what,
        first=first,
        last=last,
        ends=t("; ", "；").join(
            f"{name} {rounded_power(last_loss(frames, arm))}" for arm, name in names.items()
        ),
    )


@ui.made_once
def signal_extent(frames: ui.Frames, arm: str) -> tuple[float, float]:
    """The least and the largest δ_1/δ_L of an arm in its run, geometric means over the seeds."""
    ratios = [
        np.exp(np.log(frame.layers["delta"][:, 0] / frame.layers["delta"][:, -2]).mean())
        for frame in frames
        if frame.arm == arm
    ]
    return float(min(ratios)), float(max(ratios))


@ui.made_once
def last_loss(frames: ui.Frames, arm: str) -> float:
    """The mean over the seeds of an arm's training loss in its last five frames."""
    return float(np.mean([frame.loss for frame in frames if frame.arm == arm][-5:]))


def unscaled() -> str:
    rate = TINY if CONTROL.value else UNSCALED.lr
    arms = {"residual": UNSCALED, "unscaled": replace(UNSCALED, residual_scale=1.0, lr=rate)}
    names = {"residual": "s = 1/√L", "unscaled": "s = 1"}
    frames = ui.race("limit", arms, names, opens_at=0)
    what = t(
        "Digits, {depth} ReLU blocks; learning rates {scaled:g} and {unscaled}.",
        "手写数字，{depth} 个 ReLU 块；学习率依次为 {scaled:g} 与 {unscaled}。",
        depth=UNSCALED.depth,
        scaled=UNSCALED.lr,
        unscaled=rounded_power(rate),
    )
    return with_ends(what, frames, names)


def plain_wins() -> str:
    plain = replace(PLAIN_WINS, lr=SAVING if CONTROL.value else PLAIN_WINS.lr)
    arms = {"plain": plain, "residual": replace(plain, residual=True)}
    frames = ui.race("limit", arms, arm_names(), curves=("accuracy",), curves_lead=True)
    what = t(
        "Spirals, {depth} ReLU layers, learning rate {lr:g}.",
        "螺旋数据、{depth} 层 ReLU，学习率 {lr:g}。",
        depth=plain.depth,
        lr=plain.lr,
    )
    return with_ends(what, frames, arm_names())


def with_ends(what: str, frames: ui.Frames, names: dict[str, str]) -> str:
    """`what` is said, and what accuracy the networks have come to."""
    if not ui.ended(frames):
        return what
    ends = ui.ends_in_words(frames, names)
    return t("{what} In the end: {ends}.", "{what}最后：{ends}。", what=what, ends=ends)


lesson.show(CODE)
