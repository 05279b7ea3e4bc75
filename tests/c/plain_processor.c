/*
 * A processor with nothing that kernels of our own ask for, in the place of the real one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A processor that has nothing of its own: what is left of the engine's operations are the norms. */

#include "kernels/processor.h"

int ff_style_processor_has_bf16(void)
{
    return 0;
}

StyleVectors ff_style_processor_vectors(void)
{
    return FF_STYLE_NO_VECTORS;
}

int ff_style_processor_has_matrices(void)
{
    return 0;
}
