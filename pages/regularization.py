"""§3.2: L1 and L2 regularization, which pull weights back, and pull at the signal too."""

import altair as alt
import numpy as np

from gradviz import ui
from gradviz.activations import ACTIVATIONS
from gradviz.charts.parts.powers import rounded_power
from gradviz.charts.parts.spec import Spec
from gradviz.charts.regularization import bowl as bowls
from gradviz.charts.regularization.loss_parts import loss_parts
from gradviz.charts.regularization.penalties import MOST, REACH, SHRINK, START, penalties
from gradviz.engine.history import curves_frame
from gradviz.language import t
from gradviz.recipe import Recipe, replace

lesson = ui.remedy("regularization")

STRENGTHS = (0.001, 0.003, 0.01, 0.02, 0.03, 0.1)
HELPS, TOO_STRONG = 0.02, 0.1
LARGE_GAIN = 4.0
LARGE = Recipe(activation="tanh", gain=LARGE_GAIN, depth=10, lr=0.02, steps=200)
WRECKED = Recipe(activation="relu", gain=3.0, depth=6, lr=0.03, steps=150)
# By then both penalties of the strength `TOO_STRONG` have undone what was learned.
COLLAPSED = 80
PULL = ui.opening("shrink", SHRINK, low=0.0, high=MOST, default=0.11)
PULLED = ui.opening("start", START, low=0.0, high=REACH, default=1.5)
BOWL = ui.opening("bowl_strength", bowls.STRENGTH, low=0.0, high=bowls.MOST, default=1.6)
STRENGTH = ui.steps(
    "strength",
    t("Strength λ", "惩罚强度 λ"),
    STRENGTHS,
    default=HELPS,
    help=t("Of both penalties: λ·Σ|W| and λ·ΣW².", "两种惩罚共用：λ·Σ|W| 与 λ·ΣW²。"),
)
QUANTITY = ui.quantity_choice("quantity", ("weight_norm", "delta", "update_ratio"))
CASE = ui.choice(
    "case",
    t("Case", "情形"),
    ("strong", "late"),
    default="strong",
    help=t("Which limit to run.", "要运行哪一种局限。"),
    names={"strong": t("too strong", "太强"), "late": t("too late", "太迟")},
)
LIMIT_STRENGTH = ui.steps(
    "limit_strength",
    t("Strength λ", "惩罚强度 λ"),
    (HELPS, TOO_STRONG, 1.0),
    default=TOO_STRONG,
    help=t("Of both penalties.", "两种惩罚共用。"),
)
CODE = """
from gradviz import Recipe, race, replace

plain = Recipe(activation="tanh", gain=4.0, depth=10, lr=0.02, steps=200)
arms = {"plain": plain, "l1": replace(plain, l1=0.02), "l2": replace(plain, l2=0.02)}
print({frame.arm: (frame.accuracy.mean(), frame.penalty.mean()) for frame in race(arms, seeds=3)})
"""


def arms(strength: float) -> dict[str, Recipe]:
    """The network with too large first weights, without a penalty and with either."""
    return {
        "plain": LARGE,
        "l1": replace(LARGE, l1=strength),
        "l2": replace(LARGE, l2=strength),
    }


def arm_names() -> dict[str, str]:
    return {"plain": t("no penalty", "无惩罚"), "l1": "L1", "l2": "L2"}


@lesson.figure(("The bowl and the penalty", "碗与惩罚"))
def bowl() -> str:
    ui.ask(
        "which_zero",
        t(
            "The stronger the penalty, the nearer to the origin is the minimum of loss and "
            "penalty. Which penalty can make a weight exactly zero?",
            "惩罚越强，损失与惩罚之和的最小点就越靠近原点。哪一种惩罚能使某个权重恰好为零？",
        ),
        options=bowls.GUESSES,
        reply=lambda guess: (
            None if guess is None else guess == "l1",
            t(
                "The minimum slides along the diamond of L1 into its corner and stays there. The "
                "circle of L2 has none: its minimum comes near, and never gets there.",
                "最小点沿着 L1 的菱形滑进尖角，就停在那里；L2 的圆没有尖角：最小点不断靠近，"
                "却永远到不了。",
            ),
        ),
        names={"l1": "L1", "l2": "L2", "both": t("both", "两者都能")},
        guess=bowls.GUESSES.index,
    )
    ui.picture(bowl_picture(), "bowl_chart", opens=[BOWL])
    return t(
        "Drag λ. Bold: all weights with the same penalty, and with the same loss, as the minimum: "
        "there the two lines touch. L1 holds its weights at exactly 0; L2 only makes them small.",
        "拖动 λ。粗线：惩罚与最小点相同的所有权重，以及损失与最小点相同的所有权重：两条线在最小点处"
        "相切。L1 把权重停在恰好为零处，L2 只把它们变小。",
    )


@ui.made_once
def bowl_picture() -> alt.VConcatChart:
    return bowls.bowl()


@lesson.figure(("What one step does to a weight", "一步对一个权重做了什么"))
def idea() -> str:
    ui.picture(idea_picture(), "idea_chart", opens=[PULL, PULLED])
    return t(
        "No data here: a step of L1 takes the same amount however little is left, a step of L2 a "
        "share of what is left. Dashed: plain SGD does not stop L1 at zero, it jumps to and fro "
        "across it by one step. η·λ is the learning rate times the strength.",
        "这里没有数据：无论还剩多少，L1 每步都减去同样多，L2 每步减去剩余的一定比例。虚线：普通 "
        "SGD 不会让 L1 停在零上，而是以一步的幅度在零的两侧来回跳。η·λ 是学习率乘以惩罚强度。",
    )


@ui.made_once
def idea_picture() -> alt.VConcatChart:
    return penalties()


@lesson.figure(
    ("Weights that start too large", "初始权重过大的网络"),
    controls=[STRENGTH, QUANTITY],
    presets=[
        ui.Preset(
            t("It helps", "有效"),
            {STRENGTH: HELPS, QUANTITY: "weight_norm"},
            t(
                "Both penalties shrink the weights in every layer, and both networks get ahead of "
                "the one without.",
                "两种惩罚都缩小了每一层的权重，两个网络都超过了无惩罚的网络。",
            ),
        ),
        ui.Preset(
            t("Too weak", "太弱"),
            {STRENGTH: 0.001, QUANTITY: "weight_norm"},
            t(
                "In 200 steps the weights hardly shrink, and the penalties make little difference.",
                "200 步之内权重几乎没有缩小，有没有惩罚差别不大。",
            ),
        ),
        ui.Preset(
            t("Too strong", "太强"),
            {STRENGTH: TOO_STRONG, QUANTITY: "delta"},
            t(
                "The penalties shrink the weights until no signal arrives: what was learned at "
                "first is lost again.",
                "惩罚把权重缩小到误差信号再也传不到前面：起初学到的东西又丢了。",
            ),
        ),
    ],
)
def race() -> str:
    chosen = arms(STRENGTH.value)
    ui.race(
        "race",
        chosen,
        arm_names(),
        QUANTITY.value,
        theory=["plain"],
        follow=True,
        histograms=True,
    )
    return t(
        "Ten tanh layers whose weights start {times:.2g} times as large as tanh's usual gain makes "
        "them; same digits, same batches, same first weights.",
        "十层 tanh，初始权重是 tanh 常用增益的 {times:.2g} 倍；数据、批次与初始权重都相同。",
        times=LARGE_GAIN / ACTIVATIONS[LARGE.activation].gain,
    )


@lesson.figure(("The loss in its two parts", "损失的两个组成部分"))
def parts() -> str:
    names = tuple((name, arm_names()[name]) for name in ("l1", "l2"))
    drawn = [ui.Frames()]

    def draw(frames: ui.Frames) -> None:
        drawn[0] = frames
        ui.picture(parts_picture(frames, names), "parts_chart")

    ui.live_run("parts", arms(STRENGTH.value), ui.SEEDS, draw, join=True, histograms=True)
    if not {"l1", "l2"} <= {frame.arm for frame in drawn[0]}:
        return t("What is minimized is their sum.", "被最小化的是两者之和。")
    return parts_in_words(drawn[0])


@ui.made_once
def parts_picture(frames: ui.Frames, names: tuple[tuple[str, str], ...]) -> Spec:
    shown = dict(names)
    curves = curves_frame(frame for frame in frames if frame.arm in shown)
    return loss_parts(curves, shown, LARGE.steps)


@ui.made_once
def parts_in_words(frames: ui.Frames) -> str:
    """How much larger the penalty is than the loss at first, the mean over the seeds."""
    share = {
        frame.arm: rounded_power(float(np.mean(frame.penalty / frame.loss)))
        for frame in frames
        if frame.step == 0
    }
    return t(
        "What is minimized is their sum. At the start the penalty is {l1} times as large as the "
        "data loss with L1, {l2} times with L2.",
        "被最小化的是两者之和。一开始，L1 的惩罚项是数据损失的 {l1} 倍，L2 的是 {l2} 倍。",
        l1=share["l1"],
        l2=share["l2"],
    )


@lesson.figure(("How the weights are spread", "权重的分布"))
def why() -> str:
    ui.race_histograms(
        "why",
        arms(STRENGTH.value),
        series={name: (name, "weight") for name in arm_names()},
        names=arm_names(),
        title=t("Entries of W", "W 的元素"),
        layers=(1, 5, 10),
    )
    if STRENGTH.value == HELPS:
        return t(
            "At step 0 all three are alike. In the end L1 has piled weights up at zero and left "
            "some large ones; L2 has pulled in the large ones.",
            "第 0 步时三者相同。到最后，L1 把权重堆到零附近而留下少数大权重；L2 把大权重拉了回来。",
        )
    return t(
        "At step 0 all three are alike. Compare L1 with L2: near zero, and far from it.",
        "第 0 步时三者相同。比较 L1 与 L2：零附近如何，远离零处又如何。",
    )


@lesson.figure(
    ("Too strong, too late", "太强，或者太迟"),
    controls=[CASE, LIMIT_STRENGTH],
    presets=[
        ui.Preset(
            t("Too strong", "太强"),
            {CASE: "strong", LIMIT_STRENGTH: TOO_STRONG},
            t(
                "L2 leads at first and gets about half of the digits right; but its weights go on "
                "shrinking until no signal gets back to layer 1, and all is forgotten. L1 learns "
                "less and loses it a little later.",
                "起初 L2 领先，约一半数字认得对；但它的权重继续缩小，直到误差信号传不回第 1 层，"
                "学到的全忘了。L1 学到的少一些，忘得也稍晚一些。",
            ),
        ),
        ui.Preset(
            t("Five times weaker", "弱到五分之一"),
            {CASE: "strong", LIMIT_STRENGTH: HELPS},
            t(
                "The same network with a weaker penalty: in as many steps nothing is forgotten. "
                "It was the strength.",
                "同样的网络，惩罚弱一些：同样多的步数里，什么也没有忘。可见问题出在强度上。",
            ),
        ),
        ui.Preset(
            t("Too late", "太迟"),
            {CASE: "late", LIMIT_STRENGTH: TOO_STRONG},
            t(
                "A ReLU network whose first gradients are huge is wrecked within 20 steps, before "
                "a penalty has done anything. Clipping acts on the first step.",
                "这个 ReLU 网络的初始梯度极大，20 步之内就被毁掉，惩罚项还来不及起作用；"
                "而剪切从第一步就生效。",
            ),
        ),
        ui.Preset(
            t("Stronger is no help", "再强也没用"),
            {CASE: "late", LIMIT_STRENGTH: 1.0},
            t(
                "Were the penalty only too weak, ten times its strength would save the network. "
                "It does not.",
                "如果只是惩罚太弱，强十倍就该救得了这个网络。事实并非如此。",
            ),
        ),
    ],
)
def limit() -> str:
    strong = CASE.value == "strong"
    frames = _too_strong() if strong else _too_late()
    if not ui.ended(frames):
        return t("Same data, same batches, same first weights.", "数据、批次与初始权重都相同。")
    return best_and_last_in_words(frames) if strong else last_in_words(frames)


def _too_strong() -> ui.Frames:
    strength = LIMIT_STRENGTH.value
    return ui.race(
        "limit",
        arms(strength),
        arm_names(),
        "delta",
        curves=("accuracy",),
        opens_at=COLLAPSED if strength == TOO_STRONG else LARGE.steps,
        curves_lead=True,
    )


@ui.made_once
def best_and_last_in_words(frames: ui.Frames) -> str:
    """What accuracy each arm has come to, and first to which higher one: the mean over seeds."""
    told = []
    for arm, name in arm_names().items():
        means = {frame.step: float(frame.accuracy.mean()) for frame in frames if frame.arm == arm}
        if not means:
            continue
        last, step = means[max(means)], max(means, key=means.__getitem__)
        values = {"name": name, "best": means[step], "step": step, "last": last}
        lost = means[step] > last + 0.05
        told.append(
            t(
                "{name} {best:.0%} at step {step}, then {last:.0%}",
                "{name} 在第 {step} 步为 {best:.0%}，后来为 {last:.0%}",
                **values,
            )
            if lost
            else t("{name} {last:.0%}", "{name} {last:.0%}", **values)
        )
    return t("Test accuracy: {told}.", "测试准确率：{told}。", told=t("; ", "；").join(told))


def _too_late() -> ui.Frames:
    strength = LIMIT_STRENGTH.value
    late = {
        "plain": WRECKED,
        "l1": replace(WRECKED, l1=strength),
        "l2": replace(WRECKED, l2=strength),
        "clip_norm": replace(WRECKED, clip="norm", clip_at=3.0),
    }
    return ui.race("late", late, late_names(), "dead", curves=("accuracy",), curves_lead=True)


def late_names() -> dict[str, str]:
    return {**arm_names(), "clip_norm": t("clipped", "剪切")}


def last_in_words(frames: ui.Frames) -> str:
    return t(
        "Test accuracy in the end: {ends}.",
        "最后的测试准确率：{ends}。",
        ends=ui.ends_in_words(frames, late_names()),
    )


lesson.show(CODE)
