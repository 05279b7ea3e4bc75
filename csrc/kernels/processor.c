/*
 * Asks the processor and the system what may be used.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // syscall()
#endif

#include "processor.h"

#if defined(__x86_64__) || defined(__i386__)

#include <cpuid.h>

/* Parts of the state that the system saves, as XCR0 tells them. */
#define AVX_STATE 0x06u
#define AVX512_STATE 0xe6u
#define TILE_STATE 0x60000u

#define FMA (1u << 12) // of leaf 1, in ECX

/* Features of leaf 7: the first two in EBX, those of AMX in EDX, the last in EAX of subleaf 1. */
#define AVX2 (1u << 5)
#define AVX512_F_BW_VL 0xc0010000u
#define AMX_BF16 (1u << 22)
#define AMX_TILE (1u << 24)
#define AVX512_BF16 (1u << 5)
#define AVX512_VNNI (1u << 11) // of leaf 7, in ECX

static int system_saves(unsigned wanted)
{
    unsigned eax, ebx, ecx, edx, state, state_high;

    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & 1u << 27)) // OSXSAVE
        return 0;
    __asm__ volatile("xgetbv" : "=a"(state), "=d"(state_high) : "c"(0));
    return (state & wanted) == wanted;
}

static int has_features(unsigned wanted_ebx, unsigned wanted_edx)
{
    unsigned eax, ebx, ecx, edx;

    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & wanted_ebx) == wanted_ebx &&
           (edx & wanted_edx) == wanted_edx;
}

static int has_dot_products(void)
{
    unsigned eax, ebx, ecx, edx;

    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & AVX512_BF16);
}

int ff_style_processor_has_bf16(void)
{
    return system_saves(AVX512_STATE) && (has_dot_products() || has_features(0, AMX_BF16));
}

#else

int ff_style_processor_has_bf16(void)
{
    return 0;
}

#endif

#if FF_STYLE_HAS_AVX

#include <sys/syscall.h>
#include <unistd.h>

/* arch/x86/include/uapi/asm/prctl.h */
#define REQUEST_STATE 0x1023
#define TILE_DATA 18

static int has_fma(void)
{
    unsigned eax, ebx, ecx, edx;

    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & FMA);
}

/** Dot products of 16-bit integers. */
static int has_integers(void)
{
    unsigned eax, ebx, ecx, edx;

    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ecx & AVX512_VNNI);
}

StyleVectors ff_style_processor_vectors(void)
{
    if (system_saves(AVX512_STATE) && has_features(AVX512_F_BW_VL, 0))
        return has_integers() ? FF_STYLE_AVX512_VNNI : FF_STYLE_AVX512;
    return system_saves(AVX_STATE) && has_features(AVX2, 0) && has_fma() ? FF_STYLE_AVX2
                                                                         : FF_STYLE_NO_VECTORS;
}

int ff_style_processor_has_matrices(void)
{
    return system_saves(AVX512_STATE | TILE_STATE) &&
           has_features(AVX512_F_BW_VL, AMX_TILE | AMX_BF16) && has_dot_products() &&
           !syscall(SYS_arch_prctl, REQUEST_STATE, TILE_DATA);
}

#else

#if FF_STYLE_HAS_NEON

#include <sys/auxv.h>

/* arch/arm64/include/uapi/asm/hwcap.h */
#define BF16 (1ul << 14) // of AT_HWCAP2

StyleVectors ff_style_processor_vectors(void)
{
    return getauxval(AT_HWCAP2) & BF16 ? FF_STYLE_NEON_BF16 : FF_STYLE_NEON;
}

#else

StyleVectors ff_style_processor_vectors(void)
{
    return FF_STYLE_NO_VECTORS;
}

#endif

int ff_style_processor_has_matrices(void)
{
    return 0;
}

#endif
