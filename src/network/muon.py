"""Muon for convolutions: Keras's own keeps to matrices, and takes AdamW for kernels with more dimensions."""

from __future__ import annotations

import keras
from keras import ops


class Muon(keras.optimizers.Muon):
    """Orthogonalises the momentum of each hidden kernel (Jordan et al. 2024), seen as a matrix (inputs, outputs).

    Steps are as large as AdamW's (Liu et al. 2025), so that learning rate and weight decay mean the same. Biases, batch
    norm and the last layer are left to AdamW.
    """

    def __init__(self, learning_rate: float, weight_decay: float) -> None:
        super().__init__(
            learning_rate, weight_decay=weight_decay, adam_weight_decay=weight_decay, exclude_layers=["probabilities"]
        )

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return len(variable.shape) != 4 and super()._should_use_adamw(variable)

    def zeropower_via_newtonschulz5(self, x: keras.KerasTensor, steps: int) -> keras.KerasTensor:
        return ops.reshape(super().zeropower_via_newtonschulz5(_as_matrix(x), steps), x.shape)

    def lr_adjust(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return ops.reshape(super().lr_adjust(_as_matrix(x)), x.shape)


def _as_matrix(kernel: keras.KerasTensor) -> keras.KerasTensor:
    return ops.reshape(kernel, (-1, kernel.shape[-1]))
