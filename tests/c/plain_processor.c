/*
 * A processor with nothing that kernels of our own ask for, in the place of the real one.
 *
 * This file is part of ffmpeg-style.
 *
 * ffmpeg-style is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * ffmpeg-style is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with ffmpeg-style; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
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

int ff_style_processor_gains_from_dots(void)
{
    return 0;
}

int ff_style_processor_has_matrices(void)
{
    return 0;
}
