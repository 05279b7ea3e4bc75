"""Networks of random weights, which no training made."""

import numpy as np

from ffmpeg_style.learning.networks import StyleNetwork, set_weight_values, weight_values


def untrained(architecture, styles=("a",), norm="instance", width=8):
    """A network whose every weight is random, the norms' as well."""
    network = StyleNetwork(architecture, styles, width=width, norm=norm).build_weights()
    random = np.random.default_rng(4)
    spread = {"gamma": (0.6, 1.4), "beta": (-0.3, 0.3), "moving_mean": (-0.3, 0.3)}
    spread |= {"moving_variance": (0.6, 1.4), "bias": (-0.1, 0.1)}
    values = weight_values(network)
    for name, value in values.items():
        limit = np.sqrt(3 / np.prod(value.shape[:-1]))
        low, high = spread.get(name.rpartition("/")[2], (-limit, limit))
        values[name] = random.uniform(low, high, value.shape).astype("float32")
    set_weight_values(network, values)
    return network
