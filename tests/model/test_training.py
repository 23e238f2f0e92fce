import dataclasses
import re
import subprocess
import sys

import numpy as np
import pytest
from reference_graph import SMALL, reference_loss, run_graph

from edgeguard_core.config import TrainingConfig
from edgeguard_core.errors import NotEnoughDataError, TrainingCancelled, TrainingError
from edgeguard_core.model._tensorflow import tensorflow
from edgeguard_core.model.autoencoder import Autoencoder, initial_parameters
from edgeguard_core.model.training import _Trainer, learning_rates, train_weights


def with_(**changes):
    return dataclasses.replace(SMALL, **changes)


def test_training_lowers_the_loss(weights, preprocessor, benign, held_out):
    before = train_weights(benign, preprocessor, with_(steps=1, learning_rate=1e-9))
    losses = [
        reference_loss(run_graph(held_out, preprocessor, arrays, SMALL), SMALL)
        for arrays in (before.arrays, weights.arrays)
    ]
    assert losses[1] < losses[0] - 0.3


def test_attacks_score_above_benign_flows(weights, preprocessor, held_out, attacks):
    usual = run_graph(held_out, preprocessor, weights.arrays, SMALL).score
    odd = run_graph(attacks, preprocessor, weights.arrays, SMALL).score
    assert np.median(odd) > np.quantile(usual, 0.95)


def test_the_first_step_is_adamws(preprocessor, benign):
    """After one step Adam has moved each weight by the learning rate, whatever its gradient."""
    config = with_(steps=1, warmup_share=1.0, weight_decay=0.0, learning_rate=0.01)
    moved = train_weights(benign, preprocessor, config).arrays["bias_0"]
    assert np.abs(moved).max() == pytest.approx(0.01, rel=1e-3)


def test_decay_shrinks_the_kernels(preprocessor, benign):
    sizes = [
        np.abs(train_weights(benign, preprocessor, with_(weight_decay=decay)).arrays["kernel_1"])
        for decay in (0.0, 5.0)
    ]
    assert sizes[1].mean() < 0.8 * sizes[0].mean()


def test_the_same_seed_gives_the_same_bits(weights, preprocessor, benign):
    again = train_weights(benign, preprocessor, SMALL)
    for name, values in weights.arrays.items():
        assert values.tobytes() == again.arrays[name].tobytes(), name
    assert again.losses.tolist() == weights.losses.tolist()


def test_another_seed_gives_other_weights(weights, preprocessor, benign):
    other = train_weights(benign, preprocessor, with_(seed=4))
    assert not np.array_equal(weights.arrays["kernel_0"], other.arrays["kernel_0"])


def test_kernels_lie_on_the_grid_of_8_bits(weights):
    for name, values in weights.arrays.items():
        if name.startswith("kernel"):
            levels = values / (np.abs(values).max(axis=0) / 127)
            np.testing.assert_allclose(levels, np.round(levels), atol=1e-3)


def test_progress_tells_step_and_loss(preprocessor, benign):
    told = []
    trained = train_weights(benign, preprocessor, SMALL, told.append)
    assert [p.step for p in told] == [50, 100, 120]
    assert {p.steps for p in told} == {120}
    assert [p.loss for p in told] == pytest.approx(trained.losses.tolist())
    assert told[-1].loss < told[0].loss
    assert trained.epochs == pytest.approx(120 * 32 / 400)


def test_the_callback_can_cancel(preprocessor, benign):
    seen = []

    def stop(progress):
        seen.append(progress.step)
        raise TrainingCancelled("Training was stopped at step 50; start it again when you like.")

    with pytest.raises(TrainingCancelled):
        train_weights(benign, preprocessor, SMALL, stop)
    assert seen == [50]


def test_a_loss_that_is_no_number_ends_the_run(preprocessor, benign):
    with pytest.raises(TrainingError, match="lower the learning rate, now 1e\\+30"):
        train_weights(benign, preprocessor, with_(learning_rate=1e30))


def test_the_step_at_which_a_run_diverges_is_told(preprocessor, benign):
    """The slow way: the loss after every number of steps, of rates that do not depend on it."""
    config = with_(steps=60, learning_rate=1e30, warmup_share=1.0)
    with pytest.raises(TrainingError) as told:
        train_weights(benign, preprocessor, config)
    step = int(re.search(r"at step (\d+) of 60", str(told.value)).group(1))
    trainer, rows, rates = _slow_trainer(preprocessor, benign, config)
    losses = [trainer.run(rows[k : k + 1], rates[k : k + 1], k) for k in range(step)]
    assert np.isfinite(losses[:-1]).all()
    assert not np.isfinite(losses[-1])


def _slow_trainer(preprocessor, benign, config):
    rng = np.random.default_rng(config.seed)
    autoencoder = Autoencoder(preprocessor, config)
    start = initial_parameters(autoencoder.widths, rng)
    rows = rng.integers(0, len(benign), (config.steps, config.batch_rows), dtype=np.int32)
    return _Trainer(autoencoder, start, benign), rows, learning_rates(config)


def test_no_rows_no_training(preprocessor, benign):
    with pytest.raises(NotEnoughDataError):
        train_weights(benign.select(slice(0, 0)), preprocessor, SMALL)


def test_tensorflow_comes_with_the_first_training_and_not_before():
    code = (
        "import sys, edgeguard_core.model as model\n"
        "model.parse_variant('int8')\n"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_tensorflow_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(TrainingError, match=r"pip install 'edgeguard\[train\]'"):
        tensorflow.__wrapped__()


def test_the_rate_rises_for_a_tenth_and_falls_to_nothing():
    rates = learning_rates(TrainingConfig(steps=1000))
    assert rates.argmax() == 99
    assert rates.max() == pytest.approx(3e-3)
    assert (np.diff(rates[:100]) > 0).all()
    assert (np.diff(rates[99:]) < 0).all()
    assert rates[-1] < 1e-7


@pytest.mark.parametrize("steps", [1, 2, 3, 11])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_every_step_has_a_rate(steps, share):
    rates = learning_rates(TrainingConfig(steps=steps, warmup_share=share))
    assert rates.shape == (steps,)
    assert (rates > 0).all()
