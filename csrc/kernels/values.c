/*
 * Values brought to their norm one by one: for convolutions, and where none follows.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "conv_parts.h"

#if FF_STYLE_HAS_CONV

const ConvVectors *ff_style_vectors_of(StyleVectors vectors)
{
    static const ConvVectors *const all[] = {
#if FF_STYLE_HAS_AVX
        [FF_STYLE_AVX2] = &ff_style_avx2,
        [FF_STYLE_AVX512] = &ff_style_avx512,
        [FF_STYLE_AVX512_VNNI] = &ff_style_avx512_vnni,
#else
        [FF_STYLE_NEON] = &ff_style_neon,
        [FF_STYLE_NEON_BF16] = &ff_style_neon_bf16,
#endif
    };

    return all[vectors];
}

int ff_style_affine_vectors(const StyleAffine *affine)
{
    return !affine->channels ? 1 : affine->channels % 16 ? affine->channels : affine->channels / 16;
}

ConvAffine ff_style_repeat_affine(const StyleAffine *affine, float *memory)
{
    const int vectors = ff_style_affine_vectors(affine);

    return (ConvAffine){affine, memory, memory + 16 * vectors, vectors, -1};
}

void ff_style_begin_affine(ConvAffine *repeated, size_t value)
{
    const StyleAffine *affine = repeated->affine;
    const int phase = affine->channels ? (int)(value % (size_t)affine->channels) : 0;

    for (int i = 0; i < 16 * repeated->vectors && phase != repeated->phase; i++) {
        repeated->scale[i] =
            affine->scale && affine->channels ? affine->scale[(phase + i) % affine->channels] : 1;
        repeated->offset[i] = affine->channels ? affine->offset[(phase + i) % affine->channels] : 0;
    }
    repeated->phase = phase;
}

/** Like ff_style_normalise(), of all but the first values. */
static void normalise_rest(StyleVectors vectors, const Normed *values, size_t done)
{
    Normed rest = *values;

    rest.input = advance(values->input, values->input_type, done);
    rest.added = advance(values->added, values->added_type, done);
    rest.output = (uint8_t *)values->output + done * type_size(values->output_type);
    if (values->kept)
        rest.kept = (uint8_t *)values->kept + done * type_size(values->kept_type);
    rest.count -= done;
    ff_style_vectors_of(vectors)->normalise(&rest);
}

void ff_style_normalise(StyleVectors vectors, const Normed *values)
{
    const StyleType type = values->output_type;
    size_t done = 0;

    if (FF_STYLE_HAS_AVX && type == FF_STYLE_BFLOAT16 && values->input_type == type &&
        (!values->added || values->added_type == type))
        done = ff_style_normalise_bf16(values);
    if (done < values->count)
        normalise_rest(vectors, values, done);
}

/** The affine, for values that begin with the first one of a tensor. */
static ConvAffine affine_of(const StyleAffine *affine, float *memory)
{
    ConvAffine repeated = ff_style_repeat_affine(affine, memory);

    ff_style_begin_affine(&repeated, 0);
    return repeated;
}

static size_t count_values(const StyleFeatures *features)
{
    return (size_t)features->height * (size_t)features->width * (size_t)features->channels;
}

size_t ff_style_affine_memory(int channels)
{
    return 32 * sizeof(float) *
           (size_t)ff_style_affine_vectors(&(StyleAffine){.channels = channels});
}

void ff_style_apply(StyleVectors vectors, const StyleFeatures *input, const StyleAffine *affine,
                    const StyleFeatures *added, const StyleFeatures *output, float *memory)
{
    const ConvAffine repeated = affine_of(affine, memory);

    ff_style_normalise(vectors, &(Normed){.input = input->data,
                                          .added = added->data,
                                          .output = output->data,
                                          .input_type = input->type,
                                          .added_type = added->type,
                                          .output_type = output->type,
                                          .count = count_values(input),
                                          .affine = &repeated});
}

void ff_style_finish(StyleVectors vectors, const StyleEnding *ending, const StyleFeatures *input,
                     const StyleAffine *affine, const StyleFeatures *output, float *memory)
{
    const ConvAffine repeated = affine_of(affine, memory);

    ff_style_vectors_of(vectors)->finish(ending, input->data, count_values(input), &repeated,
                                         output->data, output->type);
}

#else

size_t ff_style_affine_memory(int channels)
{
    (void)channels;
    return 0;
}

void ff_style_finish(StyleVectors vectors, const StyleEnding *ending, const StyleFeatures *input,
                     const StyleAffine *affine, const StyleFeatures *output, float *memory)
{
    (void)vectors, (void)ending, (void)input, (void)affine, (void)output, (void)memory;
}

void ff_style_apply(StyleVectors vectors, const StyleFeatures *input, const StyleAffine *affine,
                    const StyleFeatures *added, const StyleFeatures *output, float *memory)
{
    (void)vectors, (void)input, (void)affine, (void)added, (void)output, (void)memory;
}

#endif
