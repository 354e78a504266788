"""The callbacks of Lightning and of the Trainer, in stand-ins: they need not be installed."""

import sys
import types

import pytest
import torch
import torch.nn.functional as F
from architectures import made

from gradviz.watching.callbacks import lightning_callback, transformers_callback

pytestmark = pytest.mark.usefixtures("one_core")


class Base:
    """As `lightning.pytorch.Callback` and `transformers.TrainerCallback`: it takes no options."""


@pytest.fixture
def lightning(monkeypatch):
    module = types.ModuleType("lightning.pytorch")
    module.Callback = Base
    monkeypatch.setitem(sys.modules, "lightning", types.ModuleType("lightning"))
    monkeypatch.setitem(sys.modules, "lightning.pytorch", module)


@pytest.fixture
def transformers(monkeypatch):
    module = types.ModuleType("transformers")
    module.TrainerCallback = Base
    monkeypatch.setitem(sys.modules, "transformers", module)


class Logger:
    def __init__(self):
        self.lines = []

    def log_metrics(self, metrics, step):
        self.lines.append((step, metrics))


def test_lightning_computes_gradients_in_a_closure_and_logs(lightning):
    model, batch, loss = made("mlp")
    optimizer = torch.optim.Adam(model.parameters())
    logger = Logger()
    trainer = types.SimpleNamespace(optimizers=[optimizer], loggers=[logger], global_step=0)
    callback = lightning_callback(log=True, every=2)
    with pytest.raises(RuntimeError, match="before training"):
        _ = callback.record
    assert isinstance(callback, Base)
    callback.on_train_start(trainer, model)
    for seed in range(4):

        def closure(seed=seed):
            optimizer.zero_grad()
            value = loss(model(batch(seed)[0]), batch(seed)[1])
            value.backward()
            return value

        optimizer.step(closure)
        trainer.global_step += 1
        callback.on_train_batch_end(trainer, model, None, None, seed)
    callback.on_train_end(trainer, model)
    assert callback.record.steps == [0, 2]
    assert [step for step, _ in logger.lines] == [1, 3]
    assert logger.lines[1][1] == callback.record.scalars()
    assert not optimizer._optimizer_step_pre_hooks


def test_lightning_takes_the_hooks_away_after_an_exception(lightning):
    model, *_ = made("mlp")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    trainer = types.SimpleNamespace(optimizers=[optimizer])
    callback = lightning_callback()
    callback.on_train_start(trainer, model)
    callback.on_exception(trainer, model, KeyError())
    assert not optimizer._optimizer_step_pre_hooks


def test_the_trainer_wraps_its_optimizer(transformers):
    model, batch, _ = made("transformer")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapped = types.SimpleNamespace(optimizer=optimizer, scaler=None)
    callback = transformers_callback(every=1)
    callback.on_train_begin(None, None, None, model=model, optimizer=wrapped)
    F.cross_entropy(model(batch(0)[0]), batch(0)[1]).backward()
    optimizer.step()
    callback.on_train_end(None, None, None, model=model)
    assert callback.record.steps == [0]
    assert not optimizer._optimizer_step_pre_hooks


def test_without_the_library_there_is_an_import_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError):
        transformers_callback()
