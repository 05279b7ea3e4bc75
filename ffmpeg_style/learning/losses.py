"""Perceptual losses (Johnson et al. 2016, section 3.2; Gatys et al. 2015, section 2).

Each term is divided by the energy of its target, so that the same weights serve every layer, every
painting and every size: 1 is the loss of a picture with no features at all. All are float32 of
shape ``[B]``, one value per image.
"""

from keras import ops

from ffmpeg_style.learning.networks import STRIDE

TINY = 1e-8

GRID_WINDOW = 16
GRID_TINY = 0.1
"""Levels of 255 below which a grid counts as none."""


def gram_matrix(features):
    """Gram matrices ``[B,C,C]`` of features ``[B,H,W,C]``, divided by ``H*W*C``, in float32."""
    _, height, width, channels = ops.shape(features)
    flat = ops.cast(ops.reshape(features, (-1, height * width, channels)), "float32")
    return ops.matmul(ops.transpose(flat, (0, 2, 1)), flat) / (height * width * channels)


def relative_distance(values, targets):
    """Squared distance of ``values`` from ``targets``, over the energy of ``targets``."""
    axes = tuple(range(1, len(targets.shape)))
    values, targets = ops.cast(values, "float32"), ops.cast(targets, "float32")
    distance = ops.sum(ops.square(values - targets), axis=axes)
    return distance / (ops.sum(ops.square(targets), axis=axes) + TINY)


def content_loss(features, targets):
    """Feature reconstruction loss (Johnson et al., equation 2)."""
    return relative_distance(features, targets)


def style_loss(grams, targets):
    """Style reconstruction loss (Johnson et al., equation 4), summed over the style layers."""
    return sum(relative_distance(gram, target) for gram, target in zip(grams, targets, strict=True))


def total_variation_loss(images):
    """Mean squared difference of neighbouring pixels, of images in 0..255."""
    down = ops.square(images[:, 1:, :, :] - images[:, :-1, :, :])
    across = ops.square(images[:, :, 1:, :] - images[:, :, :-1, :])
    return ops.mean(down, axis=(1, 2, 3)) + ops.mean(across, axis=(1, 2, 3))


def grid_loss(images):
    """Amplitude of the patterns that repeat every `STRIDE` pixels, of images in 0..255.

    Where a pixel lies in its 4x4 is all that tells it from its neighbours when features of a
    quarter of the size have been doubled twice. A network that is judged by texture learns to make
    one of that, behind a linear interpolation no less than behind nearest neighbour: a grid, as
    strong as 3 levels in flat parts.

    What the coarse parts leave of an image is folded, in each window, to one square of 4x4. Squares
    that agree stay, others cancel but for a chance remainder, which is taken off.
    """
    # Together [1 2 2 2 1] / 8: nothing of the grid passes, and a slope passes whole.
    coarse = ops.average_pool(ops.average_pool(images, STRIDE, 1), 2, 1)
    fine = images[:, 2:-2, 2:-2] - coarse
    rows, columns = (side // GRID_WINDOW for side in ops.shape(fine)[1:3])
    fine = fine[:, : rows * GRID_WINDOW, : columns * GRID_WINDOW]
    folds = GRID_WINDOW // STRIDE
    squares = ops.reshape(fine, (-1, rows, folds, STRIDE, columns, folds, STRIDE, 3))
    folded = ops.mean(squares, axis=(2, 5))
    energy = ops.mean(ops.square(folded), axis=(1, 2, 3, 4, 5))
    by_chance = ops.mean(ops.square(fine), axis=(1, 2, 3)) / folds**2
    grid = (energy - by_chance) / (1 - 1 / folds**2)
    return ops.sqrt(ops.relu(grid) + GRID_TINY**2)


def style_grams(loss_network, images):
    """Gram matrices of images ``[B,H,W,3]``, one ``[B,C,C]`` for each style layer."""
    features = loss_network(images)
    return [gram_matrix(features[layer]) for layer in loss_network.style_layers]


def content_targets(loss_network, contents):
    """Features of photographs ``[B,H,W,3]`` at the loss network's content layer."""
    layer = loss_network.content_layer
    return loss_network(contents, last=layer)[layer]


def perceptual_losses(loss_network, images, contents, target_grams, weights):
    """The weighted terms of the total loss and their sum, by name.

    Args:
        loss_network: a `LossNetwork`.
        images: painted images ``[B,H,W,3]`` in 0..255.
        contents: the photographs they were painted from, of the same shape.
        target_grams: Gram matrices of the painting, ``[B,C,C]`` or ``[1,C,C]`` per style layer.
        weights: `LossWeights`.
    """
    targets = content_targets(loss_network, contents)
    return losses_to_targets(loss_network, images, targets, target_grams, weights)


def losses_to_targets(loss_network, images, targets, target_grams, weights):
    """`perceptual_losses` of photographs whose `content_targets` are known already."""
    features = loss_network(images)
    grams = [gram_matrix(features[layer]) for layer in loss_network.style_layers]
    terms = {
        "content": weights.content * content_loss(features[loss_network.content_layer], targets),
        "style": weights.style * style_loss(grams, target_grams),
        "total_variation": weights.total_variation * total_variation_loss(images),
    }
    return {**terms, "total": sum(terms.values())}
