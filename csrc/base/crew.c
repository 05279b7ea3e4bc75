/*
 * Each share of a job is one number, which a helper that comes late can't mistake for one of another job: no lock is
 * taken for a part, and threads sleep only after they have looked for a while.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <time.h>

#include "crew.h"
#include "pool.h"

/*
 * Nanoseconds that a thread looks before it sleeps. Others end the last of their parts within the most in nearly all
 * steps of a frame, which has twenty or more, and waking a thread takes 50000 on a virtual machine. Where looking is in
 * vain, others have no processor: what it takes of one is time that they wait for.
 */
#define LEAST_LOOKING 32000
#define MOST_LOOKING 256000
#define LOOKS 64 // between two times that it is asked for

/** A thread in a crew. */
typedef struct Member {
    StyleCrew *crew;
    int place;     ///< its bit, and its share
    unsigned seen; ///< number of the last job that it looked for parts of
    unsigned job;  ///< and of the one that the parts are of
    const atomic_int *called;
    StyleParts parts;
} Member;

static void pause_thread(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

int ff_style_open_crew(StyleCrew *crew)
{
    *crew = (StyleCrew){.looking = MOST_LOOKING};
    if (pthread_mutex_init(&crew->lock, NULL))
        return -ENOMEM;
    if (!pthread_cond_init(&crew->changed, NULL))
        return 0;
    pthread_mutex_destroy(&crew->lock);
    return -ENOMEM;
}

void ff_style_close_crew(StyleCrew *crew)
{
    pthread_cond_destroy(&crew->changed);
    pthread_mutex_destroy(&crew->lock);
}

/* Waiting */

typedef int Condition(const Member *member);

static int all_done(const Member *member)
{
    return atomic_load(&member->crew->done) == member->crew->count;
}

static int all_gone(const Member *member)
{
    return atomic_load(&member->crew->members) <= 1;
}

static int has_news(const Member *member)
{
    return atomic_load(&member->crew->number) != member->seen ||
           atomic_load(&member->crew->ended) || atomic_load(member->called);
}

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/**
 * Returns whether it is so before the time for looking is over. Where it is not, the next ones look for half as long;
 * where it is, but not at once, for twice as long.
 */
static int look_for(const Member *member, Condition *is_so)
{
    atomic_int *const looking = &member->crew->looking;
    const int most = atomic_load(looking);
    const int64_t start = now();
    int64_t time = 0;

    while (time < most) {
        for (int i = 0; i < LOOKS; i++) {
            if (is_so(member)) {
                if (time && most < MOST_LOOKING) // no store without need: all threads read it
                    atomic_store(looking, 2 * most);
                return 1;
            }
            pause_thread();
        }
        time = now() - start;
    }
    if (most > LEAST_LOOKING)
        atomic_store(looking, most / 2);
    return 0;
}

/**
 * A thread that is called while it sleeps goes with the next job. Those who change something look for sleepers
 * after that, and who falls asleep looks for changes after it has said so: one of the two sees the other.
 */
static void wait_for(const Member *member, Condition *is_so)
{
    StyleCrew *const crew = member->crew;

    if (look_for(member, is_so))
        return;
    pthread_mutex_lock(&crew->lock);
    atomic_fetch_add(&crew->nb_asleep, 1);
    while (!is_so(member))
        pthread_cond_wait(&crew->changed, &crew->lock);
    atomic_fetch_sub(&crew->nb_asleep, 1);
    pthread_mutex_unlock(&crew->lock);
}

static void tell_change(StyleCrew *crew)
{
    if (!atomic_load(&crew->nb_asleep))
        return;
    pthread_mutex_lock(&crew->lock);
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
}

/* Parts */

static uint64_t share_of(uint64_t number, int first, int end)
{
    return number << 32 | (uint64_t)first << 16 | (uint64_t)end;
}

static int first_of(uint64_t share)
{
    return (int)(share >> 16 & FF_STYLE_MAX_PARTS);
}

static int end_of(uint64_t share)
{
    return (int)(share & FF_STYLE_MAX_PARTS);
}

/** Takes half of what is left of its own share, from the front. */
static int take_own(Member *member)
{
    atomic_uint_fast64_t *const share = &member->crew->shares[member->place];
    uint64_t own = atomic_load(share);

    while (first_of(own) < end_of(own)) {
        const int first = first_of(own), taken = (end_of(own) - first + 1) / 2;

        if (!atomic_compare_exchange_weak(share, &own,
                                          share_of(own >> 32, first + taken, end_of(own))))
            continue;
        member->parts.goes_on = member->parts.end == first && (unsigned)(own >> 32) == member->job;
        member->parts.first = first;
        member->parts.end = first + taken;
        member->job = (unsigned)(own >> 32);
        return 1;
    }
    return 0;
}

/** Takes half of what is left of the largest share, from the back. */
static int take_others(Member *member)
{
    atomic_uint_fast64_t *found = NULL;
    uint64_t largest = 0;
    int most = 0;

    for (int i = 0; i < atomic_load(&member->crew->nb_shares); i++) {
        const uint64_t share = atomic_load(&member->crew->shares[i]);

        if (end_of(share) - first_of(share) > most) {
            most = end_of(share) - first_of(share);
            found = &member->crew->shares[i];
            largest = share;
        }
    }
    if (!found)
        return 0;
    member->job = (unsigned)(largest >> 32);
    member->parts.goes_on = 0;
    member->parts.end = end_of(largest);
    member->parts.first = end_of(largest) - (most + 1) / 2;
    // Somebody else may have come before: then there is nothing in these.
    if (!atomic_compare_exchange_strong(
            found, &largest, share_of(largest >> 32, first_of(largest), member->parts.first)))
        member->parts.first = member->parts.end = -1; // and none goes on behind these
    return 1;
}

static void do_parts(Member *member)
{
    StyleCrew *const crew = member->crew;

    while (take_own(member) || take_others(member)) {
        const int count = member->parts.end - member->parts.first, all = count ? crew->count : 0;

        if (!count)
            continue;
        if (!atomic_load(&crew->given_up))
            crew->work(crew->job, &member->parts);
        if (atomic_fetch_add(&crew->done, count) + count == all)
            tell_change(crew); // the leader waits for it
    }
}

/* Leading */

void ff_style_begin_crew(StyleCrew *crew, int most)
{
    pthread_mutex_lock(&crew->lock);
    crew->is_open = 1;
    crew->most = most < FF_STYLE_MAX_CREW - 1 ? most : FF_STYLE_MAX_CREW - 1;
    atomic_store(&crew->members, 1);
    atomic_store(&crew->ended, 0);
    atomic_store(&crew->given_up, 0);
    pthread_mutex_unlock(&crew->lock);
}

void ff_style_give_up(StyleCrew *crew)
{
    atomic_store(&crew->given_up, 1);
}

int ff_style_has_given_up(const StyleCrew *crew)
{
    return atomic_load(&crew->given_up);
}

int ff_style_equip_crew(StyleCrew *crew, size_t size)
{
    crew->size = size;
    crew->memory = ff_style_take_block(size);
    return crew->memory ? 0 : -ENOMEM;
}

int ff_style_count_helpers(const StyleCrew *crew)
{
    int count = 0;

    for (uint64_t members = atomic_load(&crew->members) >> 1; members; members &= members - 1)
        count++;
    return count;
}

/** Gives each member a share of as many parts, in the order of their places. */
static void give_shares(StyleCrew *crew, unsigned number)
{
    const uint64_t members = atomic_load(&crew->members);
    const int last = FF_STYLE_MAX_CREW - 1;
    int nb_members = 0, nb_shares = 0, next = 0;

    for (int i = 0; i <= last; i++)
        if (members >> i & 1) {
            nb_members++;
            nb_shares = i + 1;
        }
    atomic_store(&crew->nb_shares, nb_shares);
    for (int i = 0; i < nb_shares; i++)
        if (members >> i & 1) {
            atomic_store(&crew->shares[i], share_of(number, crew->count * next / nb_members,
                                                    crew->count * (next + 1) / nb_members));
            next++;
        }
}

static void do_alone(StyleWork work, void *job, int count)
{
    const StyleParts all = {.end = count};

    work(job, &all);
}

static void share(StyleCrew *crew, StyleWork work, void *job, int count)
{
    const unsigned number = atomic_load(&crew->number) + 1;
    Member leader = {.crew = crew, .job = number - 1, .parts.memory = crew->memory};

    crew->work = work;
    crew->job = job;
    crew->count = count;
    atomic_store(&crew->done, 0);
    give_shares(crew, number);
    atomic_store(&crew->number, number);
    if (count > 1)
        tell_change(crew);
    do_parts(&leader);
    wait_for(&leader, all_done);
}

void ff_style_share(StyleCrew *crew, StyleWork work, void *job, int count)
{
    if (crew)
        share(crew, work, job, count);
    else
        do_alone(work, job, count);
}

void ff_style_end_crew(StyleCrew *crew)
{
    const Member leader = {.crew = crew};

    pthread_mutex_lock(&crew->lock);
    crew->is_open = 0;
    pthread_mutex_unlock(&crew->lock);
    atomic_store(&crew->ended, 1);
    tell_change(crew);
    wait_for(&leader, all_gone);
    pthread_mutex_lock(&crew->lock); // the last one has let go of it then
    pthread_mutex_unlock(&crew->lock);
    if (crew->memory)
        ff_style_return_block(crew->memory);
    crew->memory = NULL;
}

/* Helping */

/** Takes the lowest place that is free; returns 0: there is none. */
static int join(StyleCrew *crew)
{
    int place = 0;

    pthread_mutex_lock(&crew->lock);
    if (crew->is_open && ff_style_count_helpers(crew) < crew->most) {
        const uint64_t members = atomic_load(&crew->members);

        for (place = 1; members >> place & 1; place++)
            ;
        atomic_store(&crew->members, members | (uint64_t)1 << place);
    }
    pthread_mutex_unlock(&crew->lock);
    return place;
}

static void leave(StyleCrew *crew, int place)
{
    pthread_mutex_lock(&crew->lock);
    atomic_fetch_and(&crew->members, ~((uint64_t)1 << place));
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
}

static int has_parts(StyleCrew *crew)
{
    for (int i = 0; i < atomic_load(&crew->nb_shares); i++) {
        const uint64_t share = atomic_load(&crew->shares[i]);

        if (first_of(share) < end_of(share))
            return 1;
    }
    return 0;
}

/** Helps with the jobs that come, as long as there is nothing else to do; without memory, waits. */
static void help_with_jobs(Member *member)
{
    StyleCrew *const crew = member->crew;

    while (!atomic_load(&crew->ended) && !atomic_load(member->called)) {
        const unsigned number = atomic_load(&crew->number);

        if (number != member->seen) { // there was a job: what it takes to work is known
            if (!member->parts.memory)
                member->parts.memory = ff_style_take_block(crew->size);
            member->seen = number;
            if (member->parts.memory) // else the others do its share
                do_parts(member);
        }
        wait_for(member, has_news);
    }
}

int ff_style_help(StyleCrew *crew, const atomic_int *called)
{
    Member member = {.crew = crew, .place = join(crew), .called = called};

    if (!member.place)
        return 0;
    // The job that is under way, or the next one.
    member.seen = atomic_load(&crew->number) - (unsigned)has_parts(crew);
    help_with_jobs(&member);
    if (member.parts.memory)
        ff_style_return_block(member.parts.memory);
    leave(crew, member.place);
    return 1;
}
