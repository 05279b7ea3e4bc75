/*
 * Tests of base/crew.c: each part is done once, whoever comes and goes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sched.h>

#include "base/crew.h"
#include "test.h"

enum { HELPERS = 3, PARTS = 200, JOBS = 2000, QUICK_JOBS = 300000, SIZE = 64 };

typedef struct Job {
    int number, count;
    atomic_int done[PARTS];
} Job;

static StyleCrew crew;
static atomic_int called, closing, nb_helped, nb_met;

/** Checks that memory is the thread's own, and holds what the parts before left when they go on. */
static void work(void *data, const StyleParts *parts)
{
    Job *const job = data;
    int *const last = parts->memory; // job and end of the parts before

    CHECK(parts->first < parts->end && parts->end <= job->count);
    CHECK(!parts->goes_on || (last[0] == job->number && last[1] == parts->first));
    for (int i = parts->first; i < parts->end; i++)
        atomic_fetch_add(&job->done[i], 1);
    last[0] = job->number;
    last[1] = parts->end;
}

static void *help(void *unused)
{
    while (!atomic_load(&closing))
        nb_helped += ff_style_help(&crew, &called);
    return unused;
}

static void lead(int number, int count)
{
    static Job job; // not on the stack: a helper that took too many would read it

    job.number = number;
    job.count = count;
    for (int i = 0; i < PARTS; i++)
        atomic_store(&job.done[i], 0);
    ff_style_share(&crew, work, &job, count);
    for (int i = 0; i < PARTS; i++)
        CHECK(atomic_load(&job.done[i]) == (i < count));
}

static void test_alone(void)
{
    ff_style_begin_crew(&crew, 0);
    CHECK(ff_style_equip_crew(&crew, SIZE) >= 0);
    CHECK(!ff_style_help(&crew, &called)); // there is no room
    for (int i = 1; i < PARTS; i++)
        lead(i, i);
    ff_style_end_crew(&crew);
    CHECK(!ff_style_help(&crew, &called));
}

/** Two threads wait for each other here: however busy the processors are, one that helps comes. */
static void meet(void *unused, const StyleParts *parts)
{
    (void)unused;
    (void)parts;
    atomic_fetch_add(&nb_met, 1);
    while (atomic_load(&nb_met) < 2)
        sched_yield();
}

static void test_helpers(void)
{
    pthread_t threads[HELPERS];

    for (int i = 0; i < HELPERS; i++)
        CHECK(!pthread_create(&threads[i], NULL, help, NULL));
    for (int i = 1; i <= JOBS; i++) {
        if (i % 100 == 1) {
            ff_style_begin_crew(&crew, HELPERS - 1); // one of them waits
            CHECK(ff_style_equip_crew(&crew, SIZE) >= 0);
        }
        atomic_store(&called, i % 50 == 7);
        CHECK(ff_style_count_helpers(&crew) <= HELPERS - 1);
        lead(i, 1 + i % PARTS);
        if (i % 100 == 0)
            ff_style_end_crew(&crew);
    }
    ff_style_begin_crew(&crew, HELPERS - 1);
    CHECK(ff_style_equip_crew(&crew, SIZE) >= 0);
    ff_style_share(&crew, meet, NULL, PARTS);
    ff_style_end_crew(&crew);
    atomic_store(&closing, 1);
    for (int i = 0; i < HELPERS; i++)
        pthread_join(threads[i], NULL);
    CHECK(nb_helped > 0);
}

static int nb_done;

static void give_up(void *unused, const StyleParts *parts)
{
    (void)unused;
    nb_done += parts->end - parts->first;
    ff_style_give_up(&crew);
}

/** What is not begun is passed over, in this job and in those to come; another crew does its work again. */
static void test_giving_up(void)
{
    ff_style_begin_crew(&crew, 0);
    CHECK(ff_style_equip_crew(&crew, SIZE) >= 0 && !ff_style_has_given_up(&crew));
    ff_style_share(&crew, give_up, NULL, PARTS);
    CHECK(nb_done > 0 && nb_done < PARTS && ff_style_has_given_up(&crew));
    nb_done = 0;
    ff_style_share(&crew, give_up, NULL, PARTS);
    CHECK(!nb_done);
    ff_style_end_crew(&crew);
    test_alone();
}

/** Short jobs right behind each other: a helper still looks for parts of one when the next begins. */
static void test_quick_jobs(void)
{
    pthread_t threads[HELPERS];
    static Job job;

    atomic_store(&closing, 0);
    atomic_store(&called, 0);
    ff_style_begin_crew(&crew, HELPERS);
    CHECK(ff_style_equip_crew(&crew, SIZE) >= 0);
    for (int i = 0; i < HELPERS; i++)
        CHECK(!pthread_create(&threads[i], NULL, help, NULL));
    job.count = 2 * HELPERS;
    for (job.number = 1; job.number <= QUICK_JOBS; job.number++)
        ff_style_share(&crew, work, &job, job.count);
    for (int i = 0; i < job.count; i++)
        CHECK(atomic_load(&job.done[i]) == QUICK_JOBS);
    atomic_store(&closing, 1);
    ff_style_end_crew(&crew);
    for (int i = 0; i < HELPERS; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    CHECK(ff_style_open_crew(&crew) >= 0);
    test_alone();
    test_giving_up();
    test_helpers();
    test_quick_jobs();
    ff_style_close_crew(&crew);
    return 0;
}
