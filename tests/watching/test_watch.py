"""`watch`: the numbers are those of hooks and autograd by hand, and the run is what it was."""

import contextlib
import copy
import math

import architectures
import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from architectures import ARCHITECTURES, made
from torch import nn
from torch.nn.modules import module as hooks
from torch.utils.checkpoint import checkpoint

import gradviz
from gradviz.engine.initialization import generator
from gradviz.watching.watch import watch

pytestmark = pytest.mark.usefixtures("one_core")

CLIP = 0.05  # a norm that every gradient here exceeds


def optimizer_of(model, lr=0.05):
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def steps(model, optimizer, batch, loss, count):
    """The user's own loop."""
    losses = []
    for seed in range(count):
        x, y = batch(seed)
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        losses.append(value.item())
    return losses


def by_hand(model, optimizer, batch, loss):
    """One step as in `steps`, and what plain PyTorch says of it, by PyTorch's names."""
    outputs = {}

    def keep_norm(name):
        def hook(gradients):
            outputs[name] = gradients[0].norm()

        return hook

    def keep(name):
        def hook(_, __, output):
            tensors = [output] if torch.is_tensor(output) else [output[0]]
            for tensor in tensors:
                if tensor.requires_grad:
                    # In place activations overwrite the tensor, but not the gradient at this node.
                    node = tensor.grad_fn
                    node.register_prehook(keep_norm(name))

        return hook

    handles = [m.register_forward_hook(keep(name)) for name, m in model.named_modules()]
    x, y = batch(0)
    optimizer.zero_grad()
    loss(model(x), y).backward()
    for handle in handles:
        handle.remove()
    names = dict(model.named_parameters())
    gradients = {name: p.grad.clone() for name, p in names.items()}
    nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    clipped = {name: p.grad.clone() for name, p in names.items()}
    before = {name: p.detach().clone() for name, p in names.items()}
    optimizer.step()
    moved = {name: names[name].detach() - before[name] for name in names}
    return outputs, gradients, clipped, before, moved


def value(table, layer, quantity):
    rows = table.query("layer == @layer and quantity == @quantity").value
    return float(rows.iloc[0]) if len(rows) else math.nan


def row_of(parameter):
    """The row in which a parameter is measured, and the part of it that the row holds."""
    name, _, kind = parameter.rpartition(".")
    return name if kind == "weight" else parameter


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_numbers_are_those_of_hooks_by_hand(name):
    model, batch, loss = made(name)
    twin = copy.deepcopy(model)
    torch.manual_seed(1)
    outputs, gradients, clipped, before, moved = by_hand(twin, optimizer_of(twin), batch, loss)
    optimizer = optimizer_of(model)
    torch.manual_seed(1)
    with watch(model, optimizer) as record:
        steps(model, optimizer, batch, loss, 1)
    table, seen = record.table(), set()
    for parameter, gradient in gradients.items():
        if parameter.endswith(".bias") and row_of(parameter[:-5] + ".weight") in record.layers:
            expected = gradient.norm().item()
            measured = value(table, parameter[:-5], "bias_gradient")
            np.testing.assert_allclose(measured, expected, rtol=1e-5)
            continue
        size = len(gradient) // 3
        parts = (
            {
                f"{parameter}[{which}]": slice(k * size, (k + 1) * size)
                for k, which in enumerate("qkv")
            }
            if parameter.endswith("in_proj_weight")
            else {row_of(parameter): slice(None)}
        )
        for row, part in parts.items():
            seen.add(row)
            norm = before[parameter][part].norm().item()
            expected = {
                "weight_gradient": gradient[part].norm().item(),
                "clipped_gradient": clipped[parameter][part].norm().item(),
                "weight_norm": norm,
            }
            if norm:
                expected["update_ratio"] = moved[parameter][part].norm().item() / norm
            measured = {quantity: value(table, row, quantity) for quantity in expected}
            for quantity, number in expected.items():
                np.testing.assert_allclose(
                    measured[quantity], number, rtol=2e-5, atol=1e-9, err_msg=f"{row} {quantity}"
                )
    deltas = table.query("quantity == 'delta'").set_index("layer").value
    for row, delta in deltas.items():
        # The last projection of an attention is what comes out of the attention.
        key = row.removesuffix(".out_proj")
        np.testing.assert_allclose(delta, outputs[key].item(), rtol=1e-5, err_msg=row)
    assert {*table.layer} | {*record.not_measured} >= {*record.layers} | seen


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("every", [1, 3])
def test_a_run_with_a_watch_ends_with_the_same_bits(name, every):
    model, batch, loss = made(name)
    twin, ends = copy.deepcopy(model), []
    for network, watched in ((model, True), (twin, False)):
        torch.manual_seed(1)
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
        by_time = name in ("lstm", "gru")
        with watch(network, optimizer, every, by_time) if watched else contextlib.nullcontext():
            losses = steps(network, optimizer, batch, loss, 5)
        ends.append((losses, torch.get_rng_state()))
    assert ends[0][0] == ends[1][0]
    assert torch.equal(ends[0][1], ends[1][1])
    for (key, mine), other in zip(
        model.state_dict().items(), twin.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, other), key
    for mine, other in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(mine.grad, other.grad)


def no_hooks(model, optimizer):
    every = (hooks._global_forward_hooks, hooks._global_forward_pre_hooks)
    own = [m._forward_hooks for m in model.modules()] + [m._backward_hooks for m in model.modules()]
    steps_ = (optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks)
    left = [p._post_accumulate_grad_hooks for p in model.parameters()]
    return not any([*every, *own, *steps_, *filter(None, left)])


@pytest.mark.parametrize("where", ["forward", "loss", "never"])
def test_nothing_stays_behind_whatever_happens(where):
    model, batch, loss = made("cnn")
    optimizer = optimizer_of(model)

    def fail(*_):
        raise KeyError(where)

    with contextlib.suppress(KeyError), watch(model, optimizer, every=1):
        steps(model, optimizer, batch, loss, 2)
        if where == "forward":
            model.bn2.forward = fail
        steps(model, optimizer, batch, fail if where == "loss" else loss, 1)
    assert no_hooks(model, optimizer)
    assert not torch.overrides._get_current_function_mode_stack()
    model.bn2.__dict__.pop("forward", None)
    steps(model, optimizer, batch, loss, 1)


def test_accumulated_gradients_are_those_of_the_whole_batch():
    model, batch, loss = made("mlp")
    twin = copy.deepcopy(model)
    records = []
    for network, pieces in ((model, 3), (twin, 1)):
        optimizer = optimizer_of(network)
        with watch(network, optimizer) as record:
            x, y = batch(0)
            for part, target in zip(x.chunk(pieces), y.chunk(pieces), strict=True):
                (loss(network(part), target) / pieces).backward()
            optimizer.step()
        records.append(record.table())
    pd.testing.assert_frame_equal(*records, rtol=1e-5)


@pytest.mark.parametrize("fused", [False, True])
def test_a_grad_scaler_does_not_show(fused):
    model, batch, loss = made("mlp")
    twin = copy.deepcopy(model)
    tables = []
    for network, scaled in ((model, True), (twin, False)):
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=fused)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=scaled)
        with watch(network, optimizer, 1, scaler=scaler) as record:
            for seed in range(2):
                x, y = batch(seed)
                optimizer.zero_grad()
                scaler.scale(loss(network(x), y)).backward()
                scaler.step(optimizer)
                scaler.update()
        tables.append(record.table())
    pd.testing.assert_frame_equal(*tables, rtol=1e-4)


def test_a_step_that_the_scaler_skips_is_forgotten():
    model, batch, loss = made("mlp")
    optimizer = optimizer_of(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    twin = copy.deepcopy(model)
    with watch(model, optimizer, 1, scaler=scaler) as record:
        for factor in (math.inf, 1.0):
            x, y = batch(0)
            optimizer.zero_grad()
            (scaler.scale(loss(model(x), y)) * factor).backward()
            scaler.step(optimizer)
            scaler.update()
    optimizer = optimizer_of(twin)
    with watch(twin, optimizer) as plain:
        x, y = batch(0)
        loss(twin(x), y).backward()
        optimizer.step()
    pd.testing.assert_frame_equal(record.table(), plain.table(), rtol=1e-5)


def test_what_is_called_again_has_a_row_for_each_call_and_one_gradient():
    layer = nn.Linear(4, 4)

    class Again(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.other, self.head = layer, layer, nn.Linear(4, 2)

        def forward(self, x):
            return self.head(torch.relu(self.other(torch.tanh(self.layer(x)))))

    model = Again()
    optimizer = optimizer_of(model)
    with watch(model, optimizer) as record:
        x = torch.randn(5, 4, generator=generator(0, "x"))
        F.cross_entropy(model(x), torch.tensor([0, 1, 0, 1, 1])).backward()
        optimizer.step()
    assert record.layers == ("layer", "layer #2", "head")
    assert record.activations == {"layer": "tanh", "layer #2": "relu"}
    found = record.table()
    assert value(found, "layer", "delta") > 0 and value(found, "layer #2", "delta") > 0
    assert math.isnan(value(found, "layer #2", "weight_gradient"))
    assert "other.weight" in record.not_measured


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.first, self.last, self.reentrant = nn.Linear(4, 4), nn.Linear(4, 2), reentrant

    def forward(self, x):
        h = checkpoint(lambda y: torch.tanh(self.first(y)), x, use_reentrant=self.reentrant)
        return self.last(h)


@pytest.mark.parametrize("reentrant", [False, True])
def test_layers_that_are_computed_again_in_the_backward_pass_are_measured_once(reentrant):
    torch.manual_seed(0)
    model = Checkpointed(reentrant)
    plain = nn.Sequential(model.first, nn.Tanh(), model.last)
    x = torch.ones(3, 4, requires_grad=True)
    # Computed without a graph, there is no activation to be seen.
    both = ["delta", "output", "weight_gradient", "update_ratio", "weight_norm"]
    values = []
    for network in (model, plain):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
        with watch(network, optimizer, every=1) as record:
            for _ in range(2):
                optimizer.zero_grad()
                F.cross_entropy(network(x), torch.tensor([0, 1, 0])).backward()
                optimizer.step()
        table = record.table().drop(columns="layer")
        values.append(table[table.quantity.isin(both)].reset_index(drop=True))
        assert len(record.layers) == 2
    pd.testing.assert_frame_equal(*values, rtol=1e-5)


def test_weights_that_are_computed_and_gradients_that_are_sparse():
    model = nn.Sequential(
        nn.Embedding(10, 4, sparse=True),
        nn.Flatten(),
        nn.utils.parametrizations.weight_norm(nn.Linear(12, 3)),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as record:
        F.cross_entropy(
            model(torch.tensor([[1, 2, 3], [1, 1, 1]])), torch.tensor([0, 1])
        ).backward()
        dense = model[0].weight.grad.to_dense().norm().item()
        optimizer.step()
    originals = [f"2.parametrizations.weight.original{k}" for k in (0, 1)]
    assert record.layers == ("0", "2", *originals)
    np.testing.assert_allclose(value(record.table(), "0", "weight_gradient"), dense, rtol=1e-6)
    assert (
        value(record.table(), "2", "delta") > 0 and value(record.table(), "2", "bias_gradient") > 0
    )
    assert all(value(record.table(), name, "update_ratio") > 0 for name in originals)


class Complex(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2, dtype=torch.cfloat)

    def forward(self, x):
        return F.dropout(input=self.layer(x).abs(), p=0.0)


def test_complex_numbers_have_a_size_too():
    model = Complex()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as record:
        model(torch.ones(4, 3, dtype=torch.cfloat)).square().sum().backward()
        gradient = model.layer.weight.grad.norm().item()
        optimizer.step()
    np.testing.assert_allclose(value(record.table(), "layer", "weight_gradient"), gradient, 1e-6)
    assert value(record.table(), "layer", "delta") > 0


def test_a_cell_that_is_called_for_ever_has_a_bounded_number_of_rows():
    cell = nn.RNNCell(1, 2)
    model = nn.ModuleDict({"cell": cell})
    optimizer = optimizer_of(model)
    with watch(model, optimizer) as record:
        state = None
        for _ in range(100):
            state = cell(torch.ones(1, 1), state)
        state.sum().backward()
        optimizer.step()
    assert {"cell", "cell #64"} <= {*record.layers} and "cell #65" not in record.layers
    assert "65th call" in record.not_measured["cell"]


class Odd(nn.Module):
    """Everything that cannot be measured."""

    def __init__(self):
        super().__init__()
        self.idle = nn.Linear(3, 3)
        self.raw = nn.Parameter(torch.ones(4))
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.apart = nn.Linear(4, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.apart(self.frozen(x * self.raw)))


def test_what_cannot_be_measured_is_named():
    model = Odd()
    taken = [p for name, p in model.named_parameters() if not name.startswith("apart")]
    optimizer = torch.optim.SGD(taken, lr=0.1)
    with watch(model, optimizer) as record:
        F.cross_entropy(model(torch.ones(3, 4)), torch.tensor([0, 1, 0])).backward()
        optimizer.step()
    assert record.layers == ("raw", "frozen", "apart", "head", "idle")
    reasons = record.not_measured
    assert set(reasons) == {"raw", "frozen", "apart", "idle"}
    assert "no gradient has reached it" in reasons["idle"] and "no forward" in reasons["idle"]
    assert "frozen" in reasons["frozen"] and "takes no step" in reasons["apart"]
    gradviz.language.use("zh")
    assert "优化器" in record.not_measured["apart"]


def test_a_compiled_model_is_measured_but_for_what_hooks_would_have_to_see():
    model, batch, loss = made("mlp")
    twin = copy.deepcopy(model)
    compiled = torch.compile(model, backend="eager")
    records = []
    for network in (compiled, twin):
        optimizer = optimizer_of(network)
        with watch(network, optimizer, every=1) as record:
            steps(network, optimizer, batch, loss, 2)
        records.append(record)
    assert records[0].layers == ("1", "3", "5")
    assert all("compiled" in reason for reason in records[0].not_measured.values())
    plain = records[1].table()
    seen = ~plain.quantity.isin(["delta", "output", "saturation", "dead"])
    plain = plain[seen].reset_index(drop=True)
    pd.testing.assert_frame_equal(records[0].table(), plain, rtol=1e-5)


def test_memory_is_bounded_and_what_is_kept_is_even():
    model, optimizer = nn.Linear(2, 2), None
    optimizer = optimizer_of(model)
    with watch(model, optimizer, every=3, most=8) as record:
        for _ in range(200):
            optimizer.zero_grad()
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
    assert len(record.steps) < 8 and record.steps[0] == 0
    assert set(np.diff(record.steps)) == {record.stride} and record.stride == 48


def test_evaluation_between_steps_is_not_measured():
    model, batch, loss = made("cnn")
    twin = copy.deepcopy(model)
    tables = []
    for network, evaluated in ((model, True), (twin, False)):
        optimizer = optimizer_of(network)
        with watch(network, optimizer, every=1) as record:
            for seed in range(2):
                steps(network, optimizer, lambda _, seed=seed: batch(seed), loss, 1)
                if evaluated:
                    with torch.no_grad():
                        network.eval()(batch(7)[0])
                    network.train()
        tables.append(record.table())
    pd.testing.assert_frame_equal(*tables)


def test_a_closure_computes_the_gradient_inside_the_step():
    model, batch, loss = made("mlp")
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=2)
    x, y = batch(0)

    def closure():
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        return value

    with watch(model, optimizer, every=1) as record:
        for _ in range(2):
            optimizer.step(closure)
    assert value(record.table(), "1", "update_ratio") > 0
    assert "several times" in record.not_measured["1"]
    assert "clipped_gradient" not in {*record.table().quantity}


def test_a_closure_that_is_called_once_is_measured_like_the_loop_without_it():
    model, batch, loss = made("lstm")
    twin, tables = copy.deepcopy(model), []
    for network, closed in ((model, True), (twin, False)):
        optimizer = optimizer_of(network)

        def closure(network=network, optimizer=optimizer):
            optimizer.zero_grad()
            value = loss(network(batch(0)[0]), batch(0)[1])
            value.backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            return value

        with watch(network, optimizer, every=1, by_time=closed) as record:
            for _ in range(2):
                if not closed:
                    closure()
                optimizer.step(closure if closed else None)
        tables.append(record.table())
        if closed:
            assert "inside its step" in record.not_measured["recurrent"]
    pd.testing.assert_frame_equal(*tables, rtol=1e-6)


def test_two_backward_passes_over_one_output_are_named():
    model, batch, loss = made("mlp")
    optimizer = optimizer_of(model)
    with watch(model, optimizer) as record:
        x, y = batch(0)
        value_ = loss(model(x), y)
        value_.backward(retain_graph=True)
        value_.backward()
        optimizer.step()
    assert "two backward passes" in record.not_measured["1"]
    assert "delta" not in {*record.table().quantity}


@pytest.mark.parametrize("options", [{"every": 0}, {"most": 3}])
def test_a_value_out_of_range_is_named(options):
    model = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=next(iter(options))):
        watch(model, optimizer_of(model), **options)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_layers": 2, "batch_first": True},
        {"bidirectional": True},
        {"bias": False, "num_layers": 2, "bidirectional": True},
    ],
)
def test_by_time_step_a_recurrent_layer_is_what_cells_by_hand_say(kind, options):
    torch.manual_seed(0)
    layer = kind(3, 4, **options)
    model = nn.ModuleDict({"layer": layer})
    optimizer = optimizer_of(model)
    x = torch.randn(5, 5, 3)  # as many steps as examples, so that either comes first
    target = torch.randn(4)
    with watch(model, optimizer, by_time=True) as record:
        sequence, last = layer(x)
        first = options.get("batch_first", False)
        end = sequence[:, -1] if first else sequence[-1]
        state = last[1] if kind is nn.LSTM else last
        ((end[:, :4] - target) ** 2).sum().backward(retain_graph=True)
        before = copy.deepcopy(layer)
        state.sum().backward()
        optimizer.step()
    table = record.by_time()
    expected = cells_by_hand(kind, before, x, target, options)
    found = {name: rows.value.to_numpy() for name, rows in table.groupby("layer")}
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-7, err_msg=name)


def cells_by_hand(kind, layer, x, target, options):
    """‖∂L/∂h_t‖ through PyTorch's own cells, one time step after the other."""
    cell_kind = {nn.LSTM: nn.LSTMCell, nn.GRU: nn.GRUCell, nn.RNN: nn.RNNCell}[kind]
    inputs = list(x.transpose(0, 1) if options.get("batch_first") else x)
    kept, states = {}, []
    for number in range(layer.num_layers):
        tracks = []
        for suffix in [f"l{number}", f"l{number}_reverse"][: 2 if layer.bidirectional else 1]:
            cell = cell_kind(inputs[0].shape[1], 4, bias=layer.bias)
            with torch.no_grad():
                for name, parameter in cell.named_parameters():
                    parameter.copy_(getattr(layer, f"{name}_{suffix}"))
            hidden, track = None, []
            for step in inputs[::-1] if "reverse" in suffix else inputs:
                hidden = cell(step, hidden)
                h = hidden[0] if kind is nn.LSTM else hidden
                h.retain_grad()
                track.append(h)
            states.append(hidden[1] if kind is nn.LSTM else hidden)
            track = track[::-1] if "reverse" in suffix else track
            kept[f"layer.{suffix}"] = track
            tracks.append(track)
        inputs = [torch.cat(parts, dim=1) for parts in zip(*tracks, strict=True)]
    loss = ((inputs[-1][:, :4] - target) ** 2).sum() + torch.stack(states).sum()
    loss.backward()
    return {name: [size_of(h.grad) for h in track] for name, track in kept.items()}


def size_of(gradient):
    return 0.0 if gradient is None else gradient.norm().item()


def test_what_cannot_be_unrolled_is_named():
    model = architectures.Recurrent(nn.LSTM)
    model.recurrent.dropout = 0.5
    optimizer = optimizer_of(model)
    with watch(model, optimizer, by_time=True) as record:
        F.cross_entropy(model(architectures.tokens(0)), architectures.labels(0)).backward()
        optimizer.step()
    assert record.by_time().empty and "dropout" in record.not_measured["recurrent"]


def test_scalars_are_what_loggers_take():
    model, batch, loss = made("mlp")
    optimizer = optimizer_of(model)
    with watch(model, optimizer, every=2) as record:
        assert record.scalars() == {}
        steps(model, optimizer, batch, loss, 3)
    scalars = record.scalars()
    assert all(type(value) is float and "/" in name for name, value in scalars.items())
    assert scalars["1/delta"] == record.table().query("step == 2").value.iloc[0]
    assert scalars != record.scalars(0)
    with pytest.raises(ValueError, match="step=1"):
        record.scalars(1)
