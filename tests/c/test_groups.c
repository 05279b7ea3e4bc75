/*
 * Tests of base/groups.c and base/processors.c, on trees of files as the system has them, and of what limits leave.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <ftw.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/groups.h"
#include "base/processors.h"
#include "graph/budget.h"
#include "test.h"

#define NO_LIMIT FF_STYLE_NO_LIMIT
#define V2 "sys/fs/cgroup"
#define MEMORY "sys/fs/cgroup/memory"

static char root[1024];

/** Makes a file of the tree, and the folders that it lies in. */
static void put(const char *name, const char *text)
{
    char path[2048];
    size_t length;

    snprintf(path, sizeof(path), "%s/%s", root, name);
    length = strlen(path);
    for (size_t i = strlen(root); i < length; i++)
        if (path[i] == '/') {
            path[i] = 0;
            mkdir(path, 0777);
            path[i] = '/';
        }
    test_write_file(path, text, strlen(text));
}

static int forget(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

/** A tree of its own, without what an earlier run has left. */
static void begin(const char *folder, const char *name, const char *groups)
{
    snprintf(root, sizeof(root), "%s/groups-%s", folder, name);
    nftw(root, forget, 8, FTW_DEPTH | FTW_PHYS);
    put("proc/self/cgroup", groups);
}

static void none_have_no_limit(const char *folder)
{
    snprintf(root, sizeof(root), "%s/nowhere", folder);
    CHECK(ff_style_group_memory(root) == NO_LIMIT);
    CHECK(ff_style_group_processors(root) == NO_LIMIT);
    begin(folder, "bare", "0::/\nnonsense\n1:\n");
    CHECK(ff_style_group_memory(root) == NO_LIMIT);
    CHECK(ff_style_group_processors(root) == NO_LIMIT);
}

static void the_least_of_version_2(const char *folder)
{
    begin(folder, "second", "0::/outer/inner\n");
    put(V2 "/outer/inner/memory.max", "max\n");
    put(V2 "/outer/inner/memory.current", "100\n");
    CHECK(ff_style_group_memory(root) == NO_LIMIT);
    put(V2 "/outer/memory.max", "5000\n");
    CHECK(ff_style_group_memory(root) == 5000); // nothing tells what is taken
    put(V2 "/outer/memory.current", "3000\n");
    CHECK(ff_style_group_memory(root) == 2000);
    put(V2 "/outer/memory.stat",
        "anon 2000\nfile 900\ninactive_file 600\nactive_file 200\nshmem 100\n"
        "slab 70\nslab_reclaimable 50\n");
    CHECK(ff_style_group_memory(root) == 2850);
    put(V2 "/outer/inner/memory.max", "1000\n");
    CHECK(ff_style_group_memory(root) == 900);
    put(V2 "/outer/inner/memory.current", "1001\n");
    CHECK(ff_style_group_memory(root) == 0);
    put(V2 "/memory.max", "9223372036854775807\n");
    CHECK(ff_style_group_memory(root) == 0);

    put(V2 "/outer/inner/cpu.max", "max 100000\n");
    CHECK(ff_style_group_processors(root) == NO_LIMIT);
    put(V2 "/outer/cpu.max", "200001 100000\n");
    CHECK(ff_style_group_processors(root) == 3);
    put(V2 "/outer/inner/cpu.max", "200000 100000\n");
    CHECK(ff_style_group_processors(root) == 2);
    put(V2 "/cpu.max", "1000 100000\n");
    CHECK(ff_style_group_processors(root) == 1);
}

/** A container may be told the path that its groups have outside: then it has the topmost's files alone. */
static void a_path_that_is_not_there(const char *folder)
{
    begin(folder, "outside", "0::/../../system.slice/a\n");
    put(V2 "/memory.max", "700\n");
    CHECK(ff_style_group_memory(root) == 700);
}

static void the_least_of_version_1(const char *folder)
{
    begin(folder, "first",
          "5:memory:/a/b\n4:cpu,cpuacct:/a\n3:cpuset:/c\n1:name=systemd:/\n0::/d\n");
    put(V2 "/d/memory.max", "1\n"); // of no meaning, nor are those of cpuset
    put(V2 "/d/cpu.max", "1 1\n");
    put(MEMORY "/a/b/memory.limit_in_bytes", "9223372036854771712\n");
    put(MEMORY "/a/b/memory.usage_in_bytes", "100\n");
    CHECK(ff_style_group_memory(root) == NO_LIMIT);
    put(MEMORY "/a/memory.limit_in_bytes", "5000\n");
    put(MEMORY "/a/memory.usage_in_bytes", "4000\n");
    put(MEMORY "/a/memory.stat",
        "inactive_file 7\ntotal_inactive_file 300\ntotal_active_file 50\n");
    CHECK(ff_style_group_memory(root) == 1350);

    put(V2 "/cpu/a/cpu.cfs_quota_us", "-1\n");
    put(V2 "/cpu/a/cpu.cfs_period_us", "100000\n");
    CHECK(ff_style_group_processors(root) == NO_LIMIT);
    put(V2 "/cpu/cpu.cfs_quota_us", "150000\n");
    put(V2 "/cpu/cpu.cfs_period_us", "100000\n");
    CHECK(ff_style_group_processors(root) == 2);
}

static void what_is_no_quota(const char *folder)
{
    static const char *const texts[] = {"200000", "-1 100000", "100000 0", "", "x"};

    begin(folder, "quota", "0::/\n");
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        put(V2 "/cpu.max", texts[i]);
        CHECK(ff_style_group_processors(root) == NO_LIMIT);
    }
    put(V2 "/cpu.max", "9223372036854775806 1");
    CHECK(ff_style_group_processors(root) == NO_LIMIT);
}

/** Of 256 MB; what reading a file takes meanwhile is less than one. */
static void half_of_the_addresses_are_left_to_others(void)
{
    const rlim_t left = 256 << 20;
    const int64_t pages = ff_style_read_number("/proc/self/statm");
    struct rlimit before, limit;
    int64_t bytes;

    CHECK(!getrlimit(RLIMIT_AS, &before));
    limit = before;
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + left;
    CHECK(!setrlimit(RLIMIT_AS, &limit));
    bytes = ff_style_free_memory();
    CHECK(!setrlimit(RLIMIT_AS, &before));
    CHECK(bytes <= (int64_t)left / 2 && bytes > (int64_t)left / 2 - (1 << 20));
}

int main(int argc, char **argv)
{
    const char *const folder = test_folder(argc, argv);

    none_have_no_limit(folder);
    the_least_of_version_2(folder);
    a_path_that_is_not_there(folder);
    the_least_of_version_1(folder);
    what_is_no_quota(folder);
    half_of_the_addresses_are_left_to_others();
    CHECK(ff_style_count_processors() >= 1);
    CHECK(ff_style_count_processors() <= FF_STYLE_MAX_THREADS);
    return 0;
}
