"""The predictor: a small network that looks at a painting and says its style in a few numbers.

Source: Ghiasi et al. (2017), "Exploring the structure of a real-time, arbitrary neural artistic
stylization network", section 3, where a large classifier has this place. Here it is five layers:
what a style loss compares are averages over a painting, so are what the predictor reads off its
features, and so it takes paintings of any size and shape.
"""

import keras
from keras import ops

CONVOLUTIONS = ((24, 5), (48, 3), (96, 3), (128, 3))
"""Filters and side of each convolution; each halves the picture."""
HIDDEN = 192
SHORT_SIDE = 512
"""Of the paintings, in pixels, that it learns to read."""
POOL_EPSILON = 1e-4


class StylePredictor(keras.Model):
    """Paintings ``[B,h,w,3]`` RGB in 0..255, their short side of some 512 pixels, to their style.

    Args:
        vector: length V of what is returned, float32 ``[B,V]``.
    """

    def __init__(self, vector, **kwargs):
        super().__init__(**kwargs)
        shared = dict(strides=2, padding="same", activation="relu", kernel_initializer="he_normal")
        self.convolutions = [
            keras.layers.Conv2D(filters, side, name=f"conv{index}", **shared)
            for index, (filters, side) in enumerate(CONVOLUTIONS, 1)
        ]
        self.hidden = keras.layers.Dense(HIDDEN, activation="relu", name="hidden")
        self.vector = keras.layers.Dense(vector, name="vector")

    def call(self, paintings):
        return self.vector(self.features(paintings))

    def features(self, paintings):
        """What the style follows from linearly, ``[B,HIDDEN]``."""
        return self.hidden(self.pooled(paintings))

    def pooled(self, paintings):
        """Means and standard deviations of the colours and of each convolution's features."""
        features = ops.cast(paintings, "float32") / 127.5 - 1.0
        pooled = pool(features)
        for convolution in self.convolutions:
            features = convolution(features)
            pooled += pool(features)
        return ops.concatenate(pooled, axis=-1)


def pool(features):
    """Means and standard deviations ``[B,C]`` of features ``[B,h,w,C]``."""
    mean, variance = ops.moments(ops.cast(features, "float32"), axes=(1, 2))
    return [mean, ops.sqrt(variance + POOL_EPSILON)]
