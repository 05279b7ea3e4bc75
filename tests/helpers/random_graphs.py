"""Networks drawn by lot, of operations that the engine runs by itself, in forms of many hands."""

import numpy as np
import tensorflow as tf
from helpers import graphs

tf1 = tf.compat.v1

ENDS = {
    "tanh": lambda x: tf.clip_by_value(tf.tanh(x) * 150 + 127.5, 0, 255),
    "sigmoid": lambda x: tf.sigmoid(x) * 255,
    "clip": lambda x: tf.minimum(tf.maximum(x * 60 + 127.5, 0), 255),
    "tanh within": lambda x: (tf.tanh(x) + 1) * 127.5,
}


class Lot:
    """Draws one network: every choice is made by the generator of a seed."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.styles = int(self.choose([1, 1, 1, 3]))
        self.mix = None

    def choose(self, things):
        return things[self.random.integers(len(things))]

    def write(self, path):
        """Write a network as a frozen graph; returns the number of its styles."""
        with tf.Graph().as_default() as graph:
            dtype = self.choose([tf.uint8, tf.float32])
            frame = tf1.placeholder(dtype, [1, None, None, 3], name="frame")
            if self.styles > 1:
                default = np.eye(self.styles, dtype="float32")[0]
                self.mix = tf1.placeholder_with_default(default, [self.styles], "style_weights")
            x = tf.cast(frame, tf.float32)
            x = self.choose([lambda x: (x - 127.5) / 127.5, lambda x: x / 255 - 0.5])(x)
            x = self.end(self.body(x))
            if dtype == tf.uint8:
                tf.cast(tf.round(x), tf.uint8, name="styled")
            else:
                tf.divide(x, 255, name="styled")
        graphs.save(graph, path)
        return self.styles

    def body(self, x):
        x, sizes = self.layer(x, int(self.choose([4, 8, 12])), self.choose([3, 5, 9])), []
        for _ in range(self.choose([0, 1, 2])):
            sizes.append(x)
            x = self.layer(x, min(2 * x.shape[3], 24), self.choose([2, 3, 4]), stride=2)
        for _ in range(self.choose([0, 1, 2])):
            x = self.choose([self.residual, self.plain, self.joined])(x)
        for larger in reversed(sizes):
            x = self.choose([self.transposed, self.enlarged])(x, larger)
        return x

    def kernel(self, *shape):
        spread = self.choose([1.0, 1.4]) / np.sqrt(np.prod(shape[:3]))
        return tf.constant(self.random.normal(0, spread, shape).astype("float32"))

    def numbers(self, middle, count):
        return self.random.normal(middle, 0.3, count).astype("float32")

    def padded(self, x, size):
        """Room for a kernel on all sides, that lets the image keep its size."""
        around = [[0, 0], [(size - 1) // 2, size // 2], [(size - 1) // 2, size // 2], [0, 0]]
        return tf.pad(x, around, self.choose(["REFLECT", "SYMMETRIC", "CONSTANT"]))

    def layer(self, x, channels, size, stride=1, acts=True):
        kernel = self.kernel(size, size, x.shape[3], channels)
        if self.choose([True, False]) or size > 5:
            x = tf.nn.conv2d(x, kernel, stride, "SAME")
        else:
            x = tf.nn.conv2d(self.padded(x, size), kernel, stride, "VALID")
        return self.activated(self.normalised(x)) if acts else self.normalised(x)

    def style(self, middle, channels):
        """A norm's scale or offset, mixed of those of all styles where there are several."""
        if self.mix is None:
            return tf.constant(self.numbers(middle, channels))
        table = self.numbers(middle, (self.styles, channels))
        return tf.reduce_sum(table * self.mix[:, None], axis=0)

    def normalised(self, x):
        channels = x.shape[3]
        return self.choose([self.fused, self.moments, self.frozen, self.biased, self.deviation])(
            x, self.style(1, channels), self.style(0, channels)
        )

    def fused(self, x, scale, offset):
        return tf1.nn.fused_batch_norm(x, scale, offset, epsilon=1e-3)[0]

    def moments(self, x, scale, offset):
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        return scale * (x - mean) / tf.sqrt(variance + 1e-3) + offset

    def deviation(self, x, scale, offset):
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, offset, scale, 1e-3)

    def frozen(self, x, scale, offset):
        mean, variance = self.numbers(0, x.shape[3]), np.abs(self.numbers(1, x.shape[3]))
        return tf1.nn.fused_batch_norm(
            x, scale, offset, mean=mean, variance=variance + 0.1, epsilon=1e-3, is_training=False
        )[0]

    def biased(self, x, scale, offset):
        return tf.nn.bias_add(x * scale, offset)

    def activated(self, x):
        return self.choose([tf.nn.relu, tf.nn.relu, tf.nn.relu6, tf.identity, self.limited])(x)

    def limited(self, x):
        return tf.maximum(x, -0.25)

    def plain(self, x):
        return self.layer(x, x.shape[3], self.choose([1, 3, 5]))

    def residual(self, x):
        inner = self.layer(self.layer(x, x.shape[3], 3), x.shape[3], 3, acts=False)
        return self.choose([lambda a, b: a + b, lambda a, b: b - a])(x, inner)

    def joined(self, x):
        parts = [self.layer(x, 4, 3), self.layer(x, 4, 1)]
        return self.layer(tf.concat(parts, axis=3), x.shape[3], 3)

    def transposed(self, x, larger):
        channels, size = larger.shape[3], self.choose([2, 3, 4])
        kernel = self.kernel(size, size, channels, x.shape[3])
        shape = tf.stack([1, *tf.unstack(tf.shape(larger)[1:3]), channels])
        x = tf.nn.conv2d_transpose(x, kernel, shape, 2)
        return self.activated(self.normalised(self.of_channels(x, channels)))

    def enlarged(self, x, larger):
        size = tf.shape(larger)[1:3]
        channels = x.shape[3]
        x = tf1.image.resize_nearest_neighbor(x, 2 * tf.shape(x)[1:3])
        x = self.of_channels(x, channels)
        x = self.layer(x, larger.shape[3], 3)
        x = tf.slice(x, [0, 0, 0, 0], tf.concat([[1], size, [-1]], axis=0))
        return self.of_channels(x, larger.shape[3])

    def of_channels(self, x, channels):
        """The same, whose channels TensorFlow does not follow behind sizes that are computed."""
        x.set_shape([1, None, None, channels])
        return x

    def end(self, x):
        size = self.choose([1, 3, 9])
        x = tf.nn.conv2d(x, 2 * self.kernel(size, size, x.shape[3], 3), 1, "SAME")
        return ENDS[self.choose(sorted(ENDS))](x + self.numbers(0, 3))
