/*
 * Squares of 8x8 pixels are searched at each level of the pyramid, from the smallest on: what was found on the
 * one before, for the neighbours and for the frame before are the candidates, and the best of them descends to
 * where it fits best (Zhu and Ma 2000; the candidates are those of Barnes et al.'s PatchMatch, 2009). On the largest
 * level its place is then found between the pixels (Lucas and Kanade 1981), and each block takes the vector that
 * suits it of the squares around.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/pool.h"
#include "motion.h"

/* FFmpeg's configure turns the vectoriser off for some versions of GCC; these loops are made for it. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("tree-vectorize")
#endif

#include "square.h"

#define SIDE FF_STYLE_SIDE
#define AREA FF_STYLE_AREA
#define UNITS FF_STYLE_UNITS // of a vector, in a pixel of the largest level
#define UNIT_BITS 5
#define RANGE 6           // of the full search on the smallest level, in its pixels
#define MOST_PARTS 1024   // that rows are shared in
#define MAX_STEPS 16      // of a descent
#define MAX_REFINEMENTS 3 // of a place between pixels
#define MAX_VECTOR 1000   // in pixels of a level: what a StyleVector holds
#define SMOOTHNESS 2      // grey levels that a pixel's distance from the guess costs
#define STILL AREA        // difference of a square that camera noise explains
#define SURE (AREA / 8)   // gain that noise does not explain
#define LIGHT(total) \
    ((total)*3 / (4 * AREA)) // of the mean difference: light may change, and counts little
#define FLAT 512             // squares of gradients that are noise's

/* The largest level is half as large as the picture, and square.h's shifts are for 32 units. */
_Static_assert(UNITS == 2 * FF_STYLE_SUBPIXELS && UNITS == 1 << UNIT_BITS && UNITS == 32,
               "vectors on the largest level count in other units than the picture's");

typedef struct Point {
    int x, y;
} Point;

/** The squares of one level. */
typedef struct StyleSquares {
    int columns, rows;
    Point *vectors; ///< in pixels of the level
} Squares;

/** The search for one square. */
typedef struct Search {
    const StylePlane *before;
    StyleSquare square;
    int x, y;
    Point low, high; ///< what a vector may be
    Point guess, best;
    int cost; ///< of the best; negative: there is none
} Search;

static int limit(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static int blocks(int size, int side)
{
    return (size + side - 1) / side;
}

static StyleSquare take_square(const StylePlane *plane, int x, int y)
{
    return ff_style_take_square(plane->pixels + y * plane->stride + x, plane->stride);
}

/** Sum of the absolute differences, most of a change of light taken off. */
static int compare(const StyleSquare *a, const StyleSquare *b)
{
    const int total = ff_style_sum_square(a) - ff_style_sum_square(b);

    return ff_style_compare_lit(a, b, LIGHT(total));
}

static void begin(Search *s, const StylePlane *now, const StylePlane *before, int x, int y)
{
    const int reach = FF_STYLE_PADDING / 2;

    s->before = before;
    s->x = x;
    s->y = y;
    s->low = (Point){limit(-reach - x, -MAX_VECTOR, 0), limit(-reach - y, -MAX_VECTOR, 0)};
    s->high = (Point){limit(now->width + reach - SIDE - x, 0, MAX_VECTOR),
                      limit(now->height + reach - SIDE - y, 0, MAX_VECTOR)};
    s->guess = s->best = (Point){0, 0};
    s->cost = -1;
    s->square = take_square(now, x, y);
}

static void consider(Search *s, int x, int y)
{
    StyleSquare square;
    int cost;

    x = limit(x, s->low.x, s->high.x);
    y = limit(y, s->low.y, s->high.y);
    if (s->cost >= 0 && x == s->best.x && y == s->best.y)
        return;
    square = take_square(s->before, s->x + x, s->y + y);
    cost = compare(&s->square, &square) +
           SMOOTHNESS * limit(abs(x - s->guess.x) + abs(y - s->guess.y), 0, 4 * SIDE);
    if (s->cost < 0 || cost < s->cost) {
        s->cost = cost;
        s->best = (Point){x, y};
    }
}

/** Steps to the best neighbour for as long as that helps. */
static void descend(Search *s)
{
    for (int i = 0; i < MAX_STEPS; i++) {
        const Point from = s->best;

        consider(s, from.x - 1, from.y);
        consider(s, from.x + 1, from.y);
        consider(s, from.x, from.y - 1);
        consider(s, from.x, from.y + 1);
        if (s->best.x == from.x && s->best.y == from.y)
            return;
    }
}

static const Point *vector_at(const Squares *squares, int column, int row)
{
    return squares->vectors + limit(row, 0, squares->rows - 1) * squares->columns +
           limit(column, 0, squares->columns - 1);
}

static void consider_neighbour(Search *s, const Squares *squares, int column, int row)
{
    const Point *const vector = vector_at(squares, column, row);

    consider(s, vector->x, vector->y);
}

/** What the level below says of the place. */
static void consider_parents(Search *s, const Squares *parents, int column, int row)
{
    const int x = column / 2, y = row / 2, side = column % 2 ? 1 : -1, end = row % 2 ? 1 : -1;
    const Point *const own = vector_at(parents, x, y);
    const Point *const others[] = {vector_at(parents, x + side, y), vector_at(parents, x, y + end),
                                   vector_at(parents, x + side, y + end),
                                   vector_at(parents, x - side, y), vector_at(parents, x, y - end)};

    s->guess = (Point){2 * own->x, 2 * own->y};
    consider(s, s->guess.x, s->guess.y);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        consider(s, 2 * others[i]->x, 2 * others[i]->y);
}

static void consider_all(Search *s)
{
    for (int y = -RANGE; y <= RANGE; y++)
        for (int x = -RANGE; x <= RANGE; x++)
            consider(s, x, y);
}

/** The first time that a square is looked for: from the upper left on. */
static void search_first(Search *s, const Squares *squares, const Squares *parents, int column,
                         int row)
{
    consider(s, 0, 0);
    if (s->cost <= STILL) {
        const Point *const parent = parents ? vector_at(parents, column / 2, row / 2) : &s->best;

        if (!parent->x && !parent->y)
            return;
    }
    if (parents)
        consider_parents(s, parents, column, row);
    else
        consider_all(s);
    consider_neighbour(s, squares, column, row); // as it was in the frame before
    consider_neighbour(s, squares, column - 1, row);
    consider_neighbour(s, squares, column, row - 1);
    consider_neighbour(s, squares, column + 1, row - 1);
    descend(s);
}

/** The second time: from the lower right on. */
static void search_again(Search *s, const Squares *squares, const Squares *parents, int column,
                         int row)
{
    const Point *const own = vector_at(squares, column, row);

    if (parents) {
        const Point *const parent = vector_at(parents, column / 2, row / 2);

        s->guess = (Point){2 * parent->x, 2 * parent->y};
    }
    consider(s, own->x, own->y);
    if (s->cost <= STILL)
        return;
    consider_neighbour(s, squares, column + 1, row);
    consider_neighbour(s, squares, column, row + 1);
    consider_neighbour(s, squares, column - 1, row + 1);
    if (s->best.x != own->x || s->best.y != own->y)
        descend(s);
}

static void search_level(const Squares *squares, const Squares *parents, const StylePlane *now,
                         const StylePlane *before)
{
    const int count = squares->columns * squares->rows;
    Search s;

    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < count; i++) {
            const int place = pass ? count - 1 - i : i;
            const int column = place % squares->columns, row = place / squares->columns;

            begin(&s, now, before, column * SIDE, row * SIDE);
            (pass ? search_again : search_first)(&s, squares, parents, column, row);
            squares->vectors[place] = s.best;
        }
}

/** A square at a place in UNITS, which is moved into the picture's reach. */
static StyleSquare take_between(const StylePlane *plane, int x, int y)
{
    const int reach = FF_STYLE_PADDING - 2;
    const int column = limit(x >> UNIT_BITS, -reach, plane->width + reach - SIDE);
    const int row = limit(y >> UNIT_BITS, -reach, plane->height + reach - SIDE);
    const uint8_t *const from = plane->pixels + row * plane->stride + column;
    const int right = x & (UNITS - 1), below = y & (UNITS - 1);

    return right || below ? ff_style_take_between(from, plane->stride, right, below)
                          : ff_style_take_square(from, plane->stride);
}

/** Gradients of a square, twice as large as they are, and the sums of their products. */
typedef struct Gradients {
    int16_t across[AREA], down[AREA];
    int xx, xy, yy;
} Gradients;

static void take_gradients(Gradients *g, const StylePlane *plane, int x, int y)
{
    const uint8_t *const from = plane->pixels + y * plane->stride + x;

    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            const uint8_t *const p = from + i * plane->stride + j;

            g->across[i * SIDE + j] = (int16_t)(p[1] - p[-1]);
            g->down[i * SIDE + j] = (int16_t)(p[plane->stride] - p[-plane->stride]);
        }
    g->xx = g->yy = FLAT;
    g->xy = 0;
    for (int i = 0; i < AREA; i++) {
        g->xx += g->across[i] * g->across[i];
        g->xy += g->across[i] * g->down[i];
        g->yy += g->down[i] * g->down[i];
    }
}

/** How far to move, in UNITS, for what is left of the differences. */
static Point step_of(const Gradients *g, const StyleSquare *square, const StyleSquare *found)
{
    const double xx = g->xx, xy = g->xy, yy = g->yy, scale = 2 * UNITS / (xx * yy - xy * xy);
    int16_t differences[AREA];
    int x = 0, y = 0;

    ff_style_subtract_square(differences, square, found);
    for (int i = 0; i < AREA; i++) {
        x += g->across[i] * differences[i];
        y += g->down[i] * differences[i];
    }
    return (Point){limit((int)(scale * (x * yy - y * xy)), -UNITS, UNITS),
                   limit((int)(scale * (y * xx - x * xy)), -UNITS, UNITS)};
}

/** Where a square was, between pixels, from where it was in whole ones. */
static StyleVector refine(const StylePlane *now, const StylePlane *before, int x, int y,
                          const Point *whole)
{
    const Point start = {whole->x * UNITS, whole->y * UNITS};
    Point vector = start, best = start;
    const StyleSquare square = take_square(now, x, y);
    StyleSquare found = take_square(before, x + whole->x, y + whole->y);
    int least = compare(&square, &found) - SURE;
    Gradients gradients;

    if (least <= 0)
        return (StyleVector){(int16_t)start.x, (int16_t)start.y};
    take_gradients(&gradients, now, x, y);
    for (int i = 0; i < MAX_REFINEMENTS; i++) {
        const Point step = step_of(&gradients, &square, &found);
        int cost;

        vector.x = limit(vector.x + step.x, start.x - UNITS, start.x + UNITS);
        vector.y = limit(vector.y + step.y, start.y - UNITS, start.y + UNITS);
        found = take_between(before, x * UNITS + vector.x, y * UNITS + vector.y);
        cost = compare(&square, &found);
        if (cost >= least)
            break;
        least = cost;
        best = vector;
    }
    return (StyleVector){(int16_t)best.x, (int16_t)best.y};
}

static int distance(const StyleVector *a, const StyleVector *b)
{
    return abs(a->x - b->x) + abs(a->y - b->y);
}

/** A quarter of the way from a square's middle to its neighbours'. */
static StyleVector blend_vectors(const StyleVector *const near[4])
{
    return (StyleVector){
        (int16_t)((9 * near[0]->x + 3 * (near[1]->x + near[2]->x) + near[3]->x + 8) >> 4),
        (int16_t)((9 * near[0]->y + 3 * (near[1]->y + near[2]->y) + near[3]->y + 8) >> 4)};
}

/** The one of the vectors that suits a block best; `x` and `y` are of the square around it. */
static StyleVector choose_vector(const StyleVector *const near[4], const StyleSquare *square,
                                 const StylePlane *before, int x, int y)
{
    int best = 0, least = 0;

    for (int i = 0; i < 4; i++) {
        const StyleSquare found =
            take_between(before, x * UNITS + near[i]->x, y * UNITS + near[i]->y);
        const int cost = compare(square, &found);

        if (!i || cost < least) {
            least = cost;
            best = i;
        }
    }
    return *near[best];
}

/** Sum of the absolute differences from the mean. */
static int detail(const StyleSquare *square)
{
    const StyleSquare flat = ff_style_flat_square((ff_style_sum_square(square) + AREA / 2) / AREA);

    return ff_style_compare_lit(square, &flat, 0);
}

static void settle_block(StyleMotion *motion, const StyleVector *vectors, int column, int row,
                         const StylePlane *now, const StylePlane *before)
{
    const Squares *const squares = motion->squares;
    const int x = column * SIDE / 2 - SIDE / 4, y = row * SIDE / 2 - SIDE / 4;
    const int side = limit(column / 2 + (column % 2 ? 1 : -1), 0, squares->columns - 1);
    const int end = limit(row / 2 + (row % 2 ? 1 : -1), 0, squares->rows - 1);
    const StyleVector *const line = vectors + row / 2 * squares->columns;
    const StyleVector *const other = vectors + end * squares->columns;
    const StyleVector *const near[] = {line + column / 2, line + side, other + column / 2,
                                       other + side};
    const int place = row * motion->columns + column;
    const StyleSquare square = take_square(now, x, y);
    StyleVector *const vector = &motion->vectors[place];
    StyleSquare found;

    *vector = distance(near[0], near[1]) <= UNITS && distance(near[0], near[2]) <= UNITS &&
                      distance(near[0], near[3]) <= UNITS
                  ? blend_vectors(near)
                  : choose_vector(near, &square, before, x, y);
    found = take_between(before, x * UNITS + vector->x, y * UNITS + vector->y);
    motion->changes[place] =
        (uint8_t)limit(ff_style_compare_lit(&square, &found, 0) / (AREA / 4), 0, 255);
    motion->details[place] = (uint8_t)limit(detail(&square) / (AREA / 4), 0, 255);
}

/** Lays out the squares of all levels; their vectors begin at `next`. */
static void plan_squares(Squares *squares, const StylePyramid *pyramid, Point *next)
{
    for (int i = 0; i < pyramid->nb_levels; i++) {
        const StylePlane *const plane = &pyramid->levels[i];

        squares[i] = (Squares){blocks(plane->width, SIDE), blocks(plane->height, SIDE), next};
        next += squares[i].columns * squares[i].rows;
    }
}

static size_t count_squares(const StylePyramid *pyramid)
{
    size_t count = 0;

    for (int i = 0; i < pyramid->nb_levels; i++)
        count += (size_t)blocks(pyramid->levels[i].width, SIDE) *
                 (size_t)blocks(pyramid->levels[i].height, SIDE);
    return count;
}

int ff_style_open_motion(StyleMotion *motion, const StylePyramid *pyramid)
{
    const int columns = blocks(pyramid->width, FF_STYLE_BLOCK);
    const int rows = blocks(pyramid->height, FF_STYLE_BLOCK);
    const size_t nb_blocks = (size_t)columns * (size_t)rows;
    const size_t nb_squares = count_squares(pyramid);
    const size_t head = (size_t)pyramid->nb_levels * sizeof(Squares);
    const size_t size =
        nb_squares * sizeof(Point) + (nb_blocks + nb_squares) * sizeof(StyleVector) + 2 * nb_blocks;

    *motion = (StyleMotion){.columns = columns, .rows = rows, .size = size};
    if (!(motion->memory = ff_style_take_block(head + size)))
        return -ENOMEM;
    motion->squares = motion->memory;
    plan_squares(motion->squares, pyramid, (Point *)(motion->squares + pyramid->nb_levels));
    motion->vectors = (StyleVector *)(motion->squares->vectors + nb_squares);
    motion->changes = (uint8_t *)(motion->vectors + nb_blocks + nb_squares);
    motion->details = motion->changes + nb_blocks;
    ff_style_reset_motion(motion);
    return 0;
}

void ff_style_reset_motion(StyleMotion *motion)
{
    memset(motion->squares->vectors, 0, motion->size);
}

void ff_style_close_motion(StyleMotion *motion)
{
    if (motion->memory)
        ff_style_return_block(motion->memory);
    *motion = (StyleMotion){0};
}

/** What is left to do when the squares are found. */
typedef struct Settling {
    StyleMotion *motion;
    StyleVector *vectors; ///< of the squares
    const StylePlane *now, *before;
    int rows; ///< of squares or blocks in a part
} Settling;

static void refine_rows(void *job, const StyleParts *parts)
{
    const Settling *const s = job;
    const Squares *const squares = s->motion->squares;
    const int end = limit(parts->end * s->rows, 0, squares->rows);

    for (int row = parts->first * s->rows; row < end; row++)
        for (int column = 0; column < squares->columns; column++) {
            const int i = row * squares->columns + column;

            s->vectors[i] =
                refine(s->now, s->before, column * SIDE, row * SIDE, &squares->vectors[i]);
        }
}

static void settle_rows(void *job, const StyleParts *parts)
{
    const Settling *const s = job;
    const int end = limit(parts->end * s->rows, 0, s->motion->rows);

    for (int row = parts->first * s->rows; row < end; row++)
        for (int column = 0; column < s->motion->columns; column++)
            settle_block(s->motion, s->vectors, column, row, s->now, s->before);
}

void ff_style_find_motion(StyleMotion *motion, StyleCrew *crew, const StylePyramid *now,
                          const StylePyramid *before)
{
    const Squares *const squares = motion->squares;
    // Those of the squares lie behind those of the blocks.
    Settling settling = {motion, motion->vectors + motion->columns * motion->rows, now->levels,
                         before->levels, 1 + motion->rows / MOST_PARTS};

    for (int i = now->nb_levels; i-- > 0;)
        search_level(squares + i, i + 1 < now->nb_levels ? squares + i + 1 : NULL, &now->levels[i],
                     &before->levels[i]);
    ff_style_share(crew, refine_rows, &settling, blocks(squares->rows, settling.rows));
    ff_style_share(crew, settle_rows, &settling, blocks(motion->rows, settling.rows));
}
