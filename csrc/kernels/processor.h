/*
 * What the processor has, and the system lets this process use. A program that defines these functions
 * puts another processor in the place of the real one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_PROCESSOR_H
#define FF_STYLE_PROCESSOR_H

#include "conv.h"

/** bfloat16 dot products or matrices: what TensorFlow needs to gain from bfloat16. */
int ff_style_processor_has_bf16(void);

/** The longest vectors of conv.h that this processor has. */
StyleVectors ff_style_processor_vectors(void);

/** What conv.h needs for bfloat16: the matrix unit, which the system has to let this process use. */
int ff_style_processor_has_matrices(void);

#endif
