/*
 * Reads a style, or a mix of styles, as a user writes it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
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

/** The end of a term: a '+' that no backslash stands before, or the end of the text. */
static const char *find_end(const char *text)
{
    while (*text && *text != '+')
        text += text[0] == '\\' && text[1] ? 2 : 1;
    return text;
}

/** The last ':' that no backslash stands before; NULL: there is none. */
static const char *find_colon(Term term)
{
    const char *found = NULL;

    for (const char *at = term.start; at < term.end; at += *at == '\\' ? 2 : 1)
        if (*at == ':')
            found = at;
    return found;
}

/** The text without the backslashes that stand before what would have a meaning. */
static char *copy_plain(const StyleContext *ctx, Term term)
{
    char *const copy = ff_style_copy(ctx, term.start, (size_t)(term.end - term.start));
    char *to = copy;

    for (const char *at = term.start; copy && at < term.end; at++) {
        at += *at == '\\' && at + 1 < term.end;
        *to++ = *at;
    }
    if (copy)
        *to = 0;
    return copy;
}

static int wrong_weight(const StyleContext *ctx, const char *name, Term number)
{
    return ff_style_error(
        ctx, -EINVAL, "style '%s': the weight '%.*s' should be a number, 0 or more", name,
        (int)(number.end - number.start < 100 ? number.end - number.start : 100), number.start);
}

/** "name" or "name:weight". A whole term that is a style's name may hold a colon itself. */
static int read_term(const StyleContext *ctx, Term term, const char *const *names, int count,
                     int pictures, StyleTerm *read)
{
    const char *const colon = find_colon(term);
    const Term head = colon ? trim(term.start, colon) : term;
    const Term number = trim(colon ? colon + 1 : term.end, term.end);
    int has_weight = 0;

    read->weight = 1;
    if ((read->style = find_style(term, names, count)) >= 0)
        return 0;
    if (colon) {
        has_weight = read_number(number.start, number.end, &read->weight) >= 0;
        read->style = find_style(head, names, count);
        if (read->style >= 0)
            return has_weight ? 0 : wrong_weight(ctx, names[read->style], number);
    }
    if (!pictures || head.start == head.end)
        return unknown_style(ctx, head, names, count);
    read->style = -1;
    read->weight = has_weight ? read->weight : 1;
    read->path = copy_plain(ctx, has_weight ? head : term);
    return read->path ? 0 : -ENOMEM;
}

static int count_terms(const char *text)
{
    int count = 1;

    while (*(text = find_end(text))) {
        text++;
        count++;
    }
    return count;
}

/** Scales the weights to a sum of 1. */
static int scale_weights(const StyleContext *ctx, StyleMix *mix)
{
    double sum = 0;

    for (int i = 0; i < mix->nb_terms; i++)
        sum += mix->terms[i].weight;
    if (!(sum > 0 && sum < 1e30))
        return ff_style_error(ctx, -EINVAL,
                              "the weights of the styles have a sum of %g, which "
                              "should be more than 0",
                              sum);
    for (int i = 0; i < mix->nb_terms; i++)
        mix->terms[i].weight /= sum;
    return 0;
}

int ff_style_read_terms(const StyleContext *ctx, const char *text, const char *const *names,
                        int count, int pictures, StyleMix *mix)
{
    const int nb_terms = text ? count_terms(text) : 1;
    int ret;

    *mix = (StyleMix){ff_style_alloc(ctx, (size_t)nb_terms * sizeof(*mix->terms)), 0};
    if (!mix->terms)
        return -ENOMEM;
    if (!text || !*text) {
        mix->terms[mix->nb_terms++].weight = 1;
        return 0;
    }
    while (mix->nb_terms < nb_terms) {
        const char *const end = find_end(text);

        if ((ret = read_term(ctx, trim(text, end), names, count, pictures,
                             &mix->terms[mix->nb_terms++])) < 0)
            return ret;
        text = end + 1;
    }
    return scale_weights(ctx, mix);
}

void ff_style_free_mix(const StyleContext *ctx, StyleMix *mix)
{
    for (int i = 0; i < mix->nb_terms; i++)
        ff_style_free(ctx, mix->terms[i].path);
    ff_style_free(ctx, mix->terms);
    *mix = (StyleMix){0};
}
