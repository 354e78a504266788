"""§3.2: L1 and L2 regularization, which pull weights back, and pull at the signal too."""

from gradviz import ui
from gradviz.activations import ACTIVATIONS
from gradviz.charts.regularization.loss_parts import loss_parts
from gradviz.charts.regularization.penalties import penalties
from gradviz.engine.history import curves_frame
from gradviz.language import t
from gradviz.recipe import Recipe, replace

lesson = ui.remedy("regularization")

STRENGTHS = (0.001, 0.003, 0.01, 0.02, 0.03, 0.1)
HELPS, TOO_STRONG = 0.02, 0.1
LARGE_GAIN = 4.0
LARGE = Recipe(activation="tanh", gain=LARGE_GAIN, depth=10, lr=0.02, steps=200)
WRECKED = Recipe(activation="relu", gain=3.0, depth=6, lr=0.03, steps=150)
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


@lesson.figure(("Two penalties on one weight", "两种惩罚作用于一个权重"))
def idea() -> str:
    guess = ui.predict(
        "which_zero",
        t(
            "With no data to hold a weight, which penalty brings it exactly to zero in finitely "
            "many steps?",
            "如果没有数据牵制，哪一种惩罚能在有限步内把权重恰好变为零？",
        ),
        options=("l1", "l2"),
        names={"l1": "L1", "l2": "L2"},
    )
    if guess is not None:
        ui.reveal(
            guess == "l1",
            t(
                "L1, and only with the soft threshold. L2 takes away a share of the weight, so "
                "something always remains; plain SGD on L1 takes constant steps and jumps to and "
                "fro across zero.",
                "是 L1，而且要用软阈值。L2 每步只去掉一定比例，总有剩余；"
                "L1 若用普通 SGD，每步减去常数，会在零的两侧来回跳。",
            ),
        )
    ui.picture(penalties(), "idea_chart")
    return t(
        "Drag η·λ, the learning rate times the strength: L2 shrinks large weights most, L1 all "
        "weights alike.",
        "拖动 η·λ（学习率乘以惩罚强度）：L2 对大权重缩得最多，L1 对所有权重一视同仁。",
    )


@lesson.figure(
    ("Weights that start too large", "初始权重过大的网络"),
    controls=[STRENGTH, QUANTITY],
    presets={
        t("It helps", "有效"): {STRENGTH: HELPS, QUANTITY: "weight_norm"},
        t("Too weak", "太弱"): {STRENGTH: 0.001, QUANTITY: "weight_norm"},
        t("Too strong", "太强"): {STRENGTH: TOO_STRONG, QUANTITY: "delta"},
    },
)
def race() -> str:
    chosen = arms(STRENGTH.value)
    ui.race("race", chosen, arm_names(), QUANTITY.value, theory=["plain"], follow=True)
    return t(
        "Ten tanh layers whose weights start {times:.2g} times as large as tanh's usual gain makes "
        "them; same digits, same batches, same first weights.",
        "十层 tanh，初始权重是 tanh 常用增益的 {times:.2g} 倍；数据、批次与初始权重都相同。",
        times=LARGE_GAIN / ACTIVATIONS[LARGE.activation].gain,
    )


@lesson.figure(("The loss in its two parts", "损失的两个组成部分"))
def parts() -> str:
    names = {name: arm_names()[name] for name in ("l1", "l2")}

    def draw(frames: list) -> None:
        curves = curves_frame(frame for frame in frames if frame.arm in names)
        ui.picture(loss_parts(curves, names, LARGE.steps), "parts_chart")

    ui.live_run("parts", arms(STRENGTH.value), ui.SEEDS, draw, join=True)
    return t(
        "What is minimized is their sum. At first the penalty is by far the larger part, so most "
        "of each step shrinks weights.",
        "被最小化的是两者之和。起初惩罚项远大于数据损失，所以每一步主要是在缩小权重。",
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
    return t(
        "Replay from step 0, where all three are alike. L1 piles weights up at zero and leaves "
        "some large ones; L2 pulls in the large ones.",
        "从第 0 步开始回放：起初三者相同。L1 把权重堆到零附近而留下少数大权重；L2 把大权重拉回来。",
    )


@lesson.figure(("Too strong, too late", "太强，或者太迟"), controls=[CASE])
def limit() -> str:
    if CASE.value == "strong":
        ui.race("limit", arms(TOO_STRONG), arm_names(), "delta")
        return t(
            "At λ = {strength:g} the weights go to zero, the signal with them, and nothing is "
            "learned.",
            "λ = {strength:g} 时权重趋于零，误差信号随之消失，网络什么也学不到。",
            strength=TOO_STRONG,
        )
    late = {
        "plain": WRECKED,
        "l1": replace(WRECKED, l1=HELPS),
        "l2": replace(WRECKED, l2=HELPS),
        "clip_norm": replace(WRECKED, clip="norm", clip_at=3.0),
    }
    names = {**arm_names(), "clip_norm": t("clipped by norm", "按范数剪切")}
    ui.race("limit", late, names, "weight_norm")
    return t(
        "A ReLU network whose first gradients are huge is wrecked within 20 steps, before a "
        "penalty has done anything. Clipping acts on the first step.",
        "这个 ReLU 网络的初始梯度极大，20 步之内就被毁掉，惩罚项还来不及起作用；"
        "而剪切从第一步就生效。",
    )


lesson.show(CODE)
