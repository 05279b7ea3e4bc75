/*
 * Holds paintings on any processor, and chooses the vectors where there are some.
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

#include "hold.h"
#include "../kernels/processor.h"

#define TARGET
#define HOLD_PAINTING hold_plainly
static void hold_plainly(const StyleHold *hold, const StylePainting *last,
                         const StylePainting *kept, uint8_t *painting, ptrdiff_t stride);
#include "hold_blocks.h"

void ff_style_hold_painting(const StyleHold *hold, const StylePainting *last,
                            const StylePainting *kept, uint8_t *painting, ptrdiff_t stride)
{
#if FF_STYLE_HAS_CONV
    if (ff_style_processor_vectors() != FF_STYLE_NO_VECTORS) {
        ff_style_hold_painting_avx2(hold, last, kept, painting, stride);
        return;
    }
#endif
    hold_plainly(hold, last, kept, painting, stride);
}
