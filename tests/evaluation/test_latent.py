import numpy as np
import pytest

from edgeguard_core.evaluation.latent import principal_components


def test_distances_survive_where_three_dimensions_are_all_there_is():
    draw = np.random.default_rng(0)
    latent = np.zeros((50, 8), np.float32)
    latent[:, [1, 4, 6]] = draw.normal(size=(50, 3)) * [3, 2, 1]
    found = principal_components(latent)
    assert found.of == 8
    assert found.explained.sum() == pytest.approx(1)
    assert (np.diff(found.explained) <= 0).all()
    slow = np.linalg.norm(latent[:, None] - latent[None], axis=2)
    fast = np.linalg.norm(found.points[:, None] - found.points[None], axis=2)
    assert fast == pytest.approx(slow, abs=1e-4)
    flipped = principal_components(latent[::-1])
    assert flipped.points[::-1] == pytest.approx(found.points, abs=1e-9)


@pytest.mark.parametrize("shape", [(0, 8), (1, 8), (2, 1), (5, 2)])
def test_small_ones_are_filled_with_zeros(shape):
    latent = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    found = principal_components(latent)
    assert found.points.shape == (shape[0], 3)
    assert np.isfinite(found.explained).all()
    assert np.isfinite(found.points).all()
