/*
 * Neural style transfer on RGB frames, over the C API of TensorFlow.
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

/*
 * In a file of its own, so that a test can put another processor in its place.
 */

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "style_session.h"

#if defined(__x86_64__) || defined(__i386__)
int ff_style_processor_has_bf16(void)
{
    unsigned eax, ebx, ecx, edx, state, state_high;

    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & 1u << 27)) // OSXSAVE
        return 0;
    __asm__ volatile("xgetbv" : "=a"(state), "=d"(state_high) : "c"(0));
    if ((state & 0xe6) != 0xe6) // the system saves no 512-bit registers
        return 0;
    if (__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & 1u << 5)) // AVX512_BF16
        return 1;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (edx & 1u << 22); // AMX-BF16
}
#else
int ff_style_processor_has_bf16(void)
{
    return 0;
}
#endif
