"""`watch` as a callback of Lightning and of Hugging Face's Trainer, for whoever has them installed.

    trainer = lightning.Trainer(callbacks=[callback := lightning_callback(every=50)])
    trainer = transformers.Trainer(..., callbacks=[callback := transformers_callback(every=50)])
    ...
    callback.record.diagnosis()

Neither is imported before it is asked for. What a callback takes are the options of `watch`.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from gradviz.watching.record import Record
from gradviz.watching.watch import Watch, watch


class _Watching:
    """What both callbacks are: a watch that begins and ends with the training; see `record`."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        super().__init__()
        self._options = options
        self._watch: Watch | None = None

    @property
    def record(self) -> Record:
        """What was measured. Raises `RuntimeError` before training has begun."""
        if self._watch is None:
            raise RuntimeError("there is no record before training has begun")
        return self._watch.record

    def _begin(self, model: Any, optimizer: Any, scaler: Any = None) -> None:  # noqa: ANN401
        # Libraries wrap the optimizer; the hooks belong to the one that takes the steps.
        inner = getattr(optimizer, "optimizer", optimizer)
        scaler = scaler or getattr(optimizer, "scaler", None)
        self._watch = watch(model, inner, scaler=scaler, **self._options)
        self._watch.start()

    def stop(self) -> None:
        """Take the hooks away, as the end of training does."""
        if self._watch is not None:
            self._watch.stop()

    def _log(self, log: Any, last: int | None) -> int | None:  # noqa: ANN401
        """Hand what was measured since the step `last` to `log`; the last step recorded."""
        steps = [] if self._watch is None else self._watch.record.steps
        if steps and steps[-1] != last:
            log(self.record.scalars())
            return steps[-1]
        return last


def lightning_callback(log: bool = False, **options: Any) -> Any:  # noqa: ANN401
    """A Lightning callback that watches the model with its first optimizer.

    With `log` the measurements go to the trainer's loggers, too. `options` are those of `watch`.
    Raises `ImportError` without `lightning` or `pytorch_lightning`.
    """
    pl = _first("lightning.pytorch", "pytorch_lightning")

    class WatchCallback(_Watching, pl.Callback):
        _last: int | None = None

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401
            scaler = getattr(getattr(trainer, "precision_plugin", None), "scaler", None)
            self._begin(pl_module, trainer.optimizers[0], scaler)

        def on_train_batch_end(self, trainer: Any, *_: Any, **__: Any) -> None:  # noqa: ANN401
            if log:
                self._last = self._log(
                    lambda scalars: [
                        logger.log_metrics(scalars, trainer.global_step)
                        for logger in trainer.loggers
                    ],
                    self._last,
                )

        def on_train_end(self, *_: Any) -> None:  # noqa: ANN401
            self.stop()

        def on_exception(self, *_: Any) -> None:  # noqa: ANN401
            self.stop()

    return WatchCallback(**options)


def transformers_callback(**options: Any) -> Any:  # noqa: ANN401
    """A callback for `transformers.Trainer`; `options` are those of `watch`.

    The Trainer tells no callback of an exception: then `callback.stop()` takes the hooks away.
    Raises `ImportError` without `transformers`.
    """
    transformers = _first("transformers")

    class WatchCallback(_Watching, transformers.TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
            self._begin(kwargs["model"], kwargs["optimizer"])

        def on_train_end(self, *_: Any, **__: Any) -> None:  # noqa: ANN401
            self.stop()

    return WatchCallback(**options)


def _first(*names: str) -> ModuleType:
    """The first of these modules that is installed."""
    for name in names[:-1]:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return importlib.import_module(names[-1])
