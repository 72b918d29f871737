"""Recurrent layers as loops: one `scan` a layer and direction, in place of PyTorch's decompositions, which write out every step.

    lstm(x, (h, c), weights)   ->   gates = linear(x, w_ih, b_ih)                    # of all steps, one product
                                    h, c, y = scan(step, [h, c], [gates], w_hh, b_hh)   # step: what depends on the state

Enters: the arguments of `aten.lstm.input`, `aten.gru.input`, `aten.rnn_tanh.input` and `aten.rnn_relu.input`; x is [steps, N, inputs], or
[N, steps, inputs] with `batch_first`. Leaves: their results, in their order. The graph does not grow with the number of steps.
Formulas: docs.pytorch.org, torch.nn.LSTM, GRU and RNN. Packed sequences (`.data`) stay with PyTorch's decompositions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan_op

aten: Any = torch.ops.aten
_linear = torch.nn.functional.linear

# (tensors of the state, gates of the step's input, weight, bias, projection) -> the new state; its first tensor is the step's result.
Step = Callable[..., tuple[Tensor, ...]]


def lstm(
    x: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor], has_biases: bool, *rest: Any
) -> tuple[Tensor, ...]:
    projected = state[0].shape[2] != state[1].shape[2]
    result, (h, c) = _layers(_lstm_step, x, state, weights, has_biases, projected, *rest)
    return result, h, c


def gru(
    x: Tensor, state: Tensor, weights: Sequence[Tensor], has_biases: bool, *rest: Any
) -> tuple[Tensor, ...]:
    result, (h,) = _layers(_gru_step, x, (state,), weights, has_biases, False, *rest)
    return result, h


def rnn(
    activation: Callable[[Tensor], Tensor],
    x: Tensor,
    state: Tensor,
    weights: Sequence[Tensor],
    has_biases: bool,
    *rest: Any,
) -> tuple[Tensor, ...]:
    result, (h,) = _layers(
        functools.partial(_rnn_step, activation), x, (state,), weights, has_biases, False, *rest
    )
    return result, h


def _lstm_step(
    h: Tensor, c: Tensor, gates: Tensor, weight: Tensor, bias: Tensor | None, projection: Tensor | None
) -> tuple[Tensor, ...]:
    i, f, g, o = (_linear(h, weight, bias) + gates).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    return h if projection is None else _linear(h, projection), c


def _gru_step(h: Tensor, gates: Tensor, weight: Tensor, bias: Tensor | None, _: None) -> tuple[Tensor, ...]:
    reset_x, update_x, new_x = gates.chunk(3, -1)
    reset_h, update_h, new_h = _linear(h, weight, bias).chunk(3, -1)
    new = (new_x + (reset_x + reset_h).sigmoid() * new_h).tanh()
    return (new + (update_x + update_h).sigmoid() * (h - new),)


def _rnn_step(
    activation: Callable[[Tensor], Tensor],
    h: Tensor,
    gates: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    _: None,
) -> tuple[Tensor, ...]:
    return (activation(_linear(h, weight, bias) + gates),)


def _layers(
    step: Step, x: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor], has_biases: bool, projected: bool,
    num_layers: int, dropout: float, train: bool, bidirectional: bool, batch_first: bool,
) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
    """All layers, and the last value of each state, [layers * directions, N, width]."""
    if train and dropout:
        raise NotImplementedError(
            "a recurrent layer with dropout in training: call model.eval() before the export"
        )
    directions = 2 if bidirectional else 1
    each = 2 + 2 * has_biases + projected  # tensors of one layer and direction
    ended = []
    x = x.transpose(0, 1) if batch_first else x
    for layer in range(num_layers):
        made = []
        for direction in range(directions):
            k = layer * directions + direction
            y, last = _one(
                step,
                x,
                [s[k] for s in states],
                weights[k * each : (k + 1) * each],
                has_biases,
                projected,
                direction == 1,
            )
            made.append(y)
            ended.append(last)
        x = torch.cat(made, -1) if bidirectional else made[0]
    return x.transpose(0, 1) if batch_first else x, [torch.stack(s) for s in zip(*ended, strict=True)]


def _one(
    step: Step, x: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor], has_biases: bool, projected: bool, backward: bool
) -> tuple[Tensor, Sequence[Tensor]]:  # fmt: skip
    """One layer in one direction: [steps, N, width], and the last states."""
    of_input, of_state = weights[:2]
    bias_of_input, bias_of_state = weights[2:4] if has_biases else (None, None)
    projection = weights[-1] if projected else None
    gates = _linear(x, of_input, bias_of_input)
    more = [w for w in (of_state, bias_of_state, projection) if w is not None]

    def body(*operands: Tensor) -> list[Tensor]:
        state, (gates_of_step, *given) = operands[: len(states)], operands[len(states) :]
        left = iter(given)
        used = [None if w is None else next(left) for w in (of_state, bias_of_state, projection)]
        new = step(*state, gates_of_step, *used)
        # A body may not give one tensor twice.
        return [*new, new[0].clone()]

    *last, every = scan_op(
        body, [s.clone() for s in states], [gates.flip(0) if backward else gates], tuple(more)
    )
    return every.flip(0) if backward else every, last


TABLE: dict[Any, Callable[..., Any]] = {
    aten.lstm.input: lstm,
    aten.gru.input: gru,
    aten.rnn_tanh.input: functools.partial(rnn, torch.tanh),
    aten.rnn_relu.input: functools.partial(rnn, torch.relu),
}
