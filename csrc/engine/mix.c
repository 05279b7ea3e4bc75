/*
 * Reads a style, or a mix of styles, as a user writes it.
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

#include <errno.h>
#include <string.h>

#include "mix.h"

typedef struct Term {
    const char *start, *end;
} Term;

static Term trim(const char *start, const char *end)
{
    while (start < end && *start == ' ')
        start++;
    while (start < end && end[-1] == ' ')
        end--;
    return (Term){start, end};
}

/** A number such as "0.7" up to `end`. strtod() would expect a comma in some locales. */
static int read_number(const char *text, const char *end, double *number)
{
    double scale = 1;
    int digits = 0, point = 0;

    *number = 0;
    for (; text < end; text++) {
        if (*text >= '0' && *text <= '9') {
            *number = *number * 10 + (*text - '0');
            scale *= point ? 10 : 1;
            if (++digits > 100) // far from what a double can hold
                return -EINVAL;
        } else if (*text != '.' || point++) {
            return -EINVAL;
        }
    }
    *number /= scale;
    return digits ? 0 : -EINVAL;
}

/** The style's index by its name, else as a number; -EINVAL when there is none. */
static int find_style(Term term, const char *const *names, int count)
{
    const size_t length = (size_t)(term.end - term.start);
    double number;

    for (int i = 0; i < count; i++)
        if (strlen(names[i]) == length && !memcmp(names[i], term.start, length))
            return i;
    if (memchr(term.start, '.', length) || read_number(term.start, term.end, &number) < 0 ||
        number >= count)
        return -EINVAL;
    return (int)number;
}

static int unknown_style(const StyleContext *ctx, Term term, const char *const *names, int count)
{
    const int shown = count < 30 ? count : 30; // a line, not a page
    char list[FF_STYLE_MESSAGE_SIZE / 2] = "";

    for (int i = 0; i < shown; i++)
        ff_style_append(list, sizeof(list), "%s%s", i ? ", " : "", names[i]);
    return ff_style_error(ctx, -EINVAL, "style '%.*s' is not in the model; it has %d: %s%s",
                          (int)(term.end - term.start < 100 ? term.end - term.start : 100),
                          term.start, count, list, shown < count ? ", ..." : "");
}

/** "name" or "name:weight". A whole term that is a style's name may hold a colon itself. */
static int read_term(const StyleContext *ctx, Term term, const char *const *names, int count,
                     float *weights, double *sum)
{
    const char *colon = term.end;
    double weight = 1;
    int index = find_style(term, names, count);

    if (index < 0) {
        while (colon > term.start && *colon != ':')
            colon--;
        if (*colon == ':') {
            const Term number = trim(colon + 1, term.end);

            term = trim(term.start, colon);
            index = find_style(term, names, count);
            if (index >= 0 && read_number(number.start, number.end, &weight) < 0)
                return ff_style_error(
                    ctx, -EINVAL, "style '%s': the weight '%.*s' should be a number, 0 or more",
                    names[index],
                    (int)(number.end - number.start < 100 ? number.end - number.start : 100),
                    number.start);
        }
    }
    if (index < 0)
        return unknown_style(ctx, term, names, count);
    weights[index] += (float)weight;
    *sum += weight;
    return 0;
}

int ff_style_read_mix(const StyleContext *ctx, const char *text, const char *const *names,
                      int count, float *weights)
{
    const char *end;
    double sum = 0;
    int ret;

    memset(weights, 0, (size_t)count * sizeof(*weights));
    if (!text || !*text) {
        weights[0] = 1;
        return 0;
    }
    do {
        end = text + strcspn(text, "+");
        ret = read_term(ctx, trim(text, end), names, count, weights, &sum);
        if (ret < 0)
            return ret;
        text = end + 1;
    } while (*end);

    if (!(sum > 0 && sum < 1e30))
        return ff_style_error(ctx, -EINVAL,
                              "the weights of the styles have a sum of %g, which "
                              "should be more than 0",
                              sum);
    for (int i = 0; i < count; i++)
        weights[i] = (float)(weights[i] / sum);
    return 0;
}
