"""What is measured at one step of a run: the records that the engine yields and the store keeps.

They need no PyTorch: who only looks at a run that was recorded need not load it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gradviz.quantities import Event

if TYPE_CHECKING:
    import pandas as pd

USUAL_NUMBER = 60  # recorded steps in a run, unless asked otherwise


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The measurements of one arm at one recorded step.

    Per seed, [seeds]: `loss` (mean cross-entropy over the batch, without penalty), `accuracy` on
    the test set, `gradient_norm` (all parameters, of loss and penalty together, before clipping:
    what `clip="norm"` compares with its threshold), `clipped` (share of the steps since the last
    snapshot that were clipped) and `penalty` (the L1 and L2 part of what is minimized).
    `layers` holds `quantities.QUANTITIES` by name, each [seeds, depth + 1]: gradients of `loss`,
    drift and weight norms at `step`, the update ratio of the step taken from there (at the last
    snapshot, of the step that would come next). `histograms` holds `quantities.DISTRIBUTIONS` by
    name, of the first seed: the share of values in each bin, [depth + 1, bins]. `events` are the
    zeros and overflows found since the last snapshot. `status` is "running", "finished" or
    "diverged".
    """

    phase: ClassVar[str] = "training"

    arm: str
    step: int
    steps: int
    seeds: tuple[int, ...]
    loss: np.ndarray
    accuracy: np.ndarray
    gradient_norm: np.ndarray
    clipped: np.ndarray
    penalty: np.ndarray
    layers: dict[str, np.ndarray]
    histograms: dict[str, np.ndarray]
    events: tuple[Event, ...]
    status: str

    @property
    def test_error(self) -> np.ndarray:
        """The share of the test set that is given a wrong label, [seeds]; NaN after an overflow."""
        return 1 - self.accuracy

    @property
    def dead_units(self) -> np.ndarray:
        """The share of all hidden units that are dead, [seeds]; NaN for seeds that overflowed."""
        # The output layer has no activation, so it is not counted.
        return self.layers["dead"][:, :-1].mean(axis=1)


@dataclass(frozen=True, eq=False)
class PretrainSnapshot:
    """What pre-training has reached after an epoch, `step` of `steps` over all layers.

    Step 0 is layer 1 before its first epoch.
    `error` is the mean squared reconstruction error of the layer's inputs over the training data,
    [seeds]. The rest is in units of data rescaled to [0, 1], for the first seed: `originals` and
    `reconstructions`, [examples, features], of test examples sent up to `layer` and down again;
    `filters`, [width, features], the first layer's weights, one row for each unit. `arm` is the
    kind of pre-training, or in a race the arm that is pre-trained.
    """

    phase: ClassVar[str] = "pretraining"

    arm: str
    step: int
    steps: int
    layer: int
    epoch: int
    seeds: tuple[int, ...]
    error: np.ndarray
    originals: np.ndarray
    reconstructions: np.ndarray
    filters: np.ndarray

    @property
    def status(self) -> str:
        """Either "running" or "finished", as for the snapshots of a race."""
        return "finished" if self.step == self.steps else "running"


@dataclass(frozen=True, eq=False)
class Moment:
    """What was measured of `arm` at `step` of `steps`, a table as those of `start`.

    `table` is empty while there is only progress to report. `phase` is "pretraining" or "training".
    """

    phase: str
    arm: str
    step: int
    steps: int
    table: pd.DataFrame = field(default_factory=lambda: _no_table())


@dataclass(frozen=True, eq=False)
class Specimen:
    """All values inside the first seed of `arm` at `step` of `steps`, and its parameters.

    `counts` holds `quantities.INSIDE` by name: of the `total` values of each hidden layer (units
    times examples) how many lie in each bin, int32 [depth, bins]. Those that are exactly 0 and
    those that are inf or NaN stand in no bin but in `zeros` and `lost`, [depth] by the same names.
    `saturated` is the share of examples for which a unit is saturated, NaN in a layer that is not
    finite, and `dead` whether it is dead, [depth, width] each. Of a few steps, and where the data
    are points in the plane, `parameters` is the network's vector [size] and `running` [depth, 2,
    width] what BatchNorm has learned of mean and variance; else they are empty.
    """

    phase: ClassVar[str] = "training"

    arm: str
    step: int
    steps: int
    total: int
    counts: dict[str, np.ndarray]
    zeros: dict[str, np.ndarray]
    lost: dict[str, np.ndarray]
    saturated: np.ndarray
    dead: np.ndarray
    parameters: np.ndarray
    running: np.ndarray


def _no_table() -> pd.DataFrame:
    # Imported here: the process that trains has no other need of pandas, which takes 50 MB.
    import pandas as pd

    return pd.DataFrame()
