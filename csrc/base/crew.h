/*
 * Threads that work together at one job after the other: each takes some of its parts, until all are done. Who leads
 * them gives the jobs, and takes parts too; others help while they have nothing of their own to do.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_CREW_H
#define FF_STYLE_CREW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define FF_STYLE_MAX_PARTS 0xffff ///< of a job
#define FF_STYLE_MAX_CREW 64      ///< threads, with the leader

/** Parts that a thread does one behind the other, from `first` up to `end`. */
typedef struct StyleParts {
    int first, end;
    int goes_on; ///< the last one that it did of this job is the one before `first`
    void *
        memory; ///< its own, as large as the leader said; it holds what the part before left, or anything
} StyleParts;

typedef void (*StyleWork)(void *job, const StyleParts *parts);

typedef struct StyleCrew {
    pthread_mutex_t lock; ///< of those who fall asleep, come and go
    pthread_cond_t changed;
    int is_open, most; ///< under the lock: whether helpers may come, and how many at a time
    atomic_int nb_asleep;
    atomic_int looking;           ///< nanoseconds that they look before they do
    atomic_uint_fast64_t members; ///< a bit each; the lowest is the leader's

    atomic_uint number;  ///< of the job
    atomic_int done;     ///< of its parts
    atomic_int ended;    ///< no job will come any more
    atomic_int given_up; ///< nobody wants what comes of the jobs

    /**
     * What is left of each member's share: the job's number << 32 | first part << 16 | end. Parts lie side by side,
     * and those of one member in the same place from job to job: their values are in its cache.
     */
    atomic_uint_fast64_t shares[FF_STYLE_MAX_CREW];
    atomic_int nb_shares;

    // Of the job: whoever took a part may read them until it is done.
    StyleWork work;
    void *job;
    int count;

    size_t size;  ///< bytes that each thread works in
    void *memory; ///< the leader's
} StyleCrew;

/** Returns 0 or -ENOMEM; a crew is to be closed after the first alone. */
int ff_style_open_crew(StyleCrew *crew);
void ff_style_close_crew(StyleCrew *crew);

/** The calling thread becomes the leader, whom as many as `most` may help. */
void ff_style_begin_crew(StyleCrew *crew, int most);

/**
 * Says that each thread needs as many bytes to work in, before the first job and once.
 *
 * @return 0, or -ENOMEM: there are none for the leader
 */
int ff_style_equip_crew(StyleCrew *crew, size_t size);

/**
 * Does all parts of a job with those who help; the leader alone calls this.
 *
 * @param crew  NULL: the calling thread is alone, and without memory
 * @param count FF_STYLE_MAX_PARTS at most
 */
void ff_style_share(StyleCrew *crew, StyleWork work, void *job, int count);

/** From any thread: passes over the parts that are not begun, of the job under way and of those behind it. */
void ff_style_give_up(StyleCrew *crew);

/** Whether that was said since the crew began. */
int ff_style_has_given_up(const StyleCrew *crew);

/** Lets the helpers go; returns when they have gone. */
void ff_style_end_crew(StyleCrew *crew);

/** How many help now. */
int ff_style_count_helpers(const StyleCrew *crew);

/**
 * Helps until the leader ends, or something else is to be done.
 *
 * @param called the calling thread goes when this is not 0, as soon as it has nothing to do
 * @return 0: there was no room, or the leader had ended
 */
int ff_style_help(StyleCrew *crew, const atomic_int *called);

#endif
