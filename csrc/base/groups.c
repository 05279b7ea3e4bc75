/*
 * Reads the files of control groups: where a container, or a service, has its limits.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdio.h>
#include <string.h>

#include "groups.h"

#define LONGEST 4096 // path of a group

/** A group as a folder: that of the process, then that which it lies in, and so on. */
typedef struct Group {
    char path[2 * LONGEST];
    size_t top; ///< length of the path of the topmost
    int version;
} Group;

/** Opens a file of a group, or of the system. */
static FILE *open_file(const char *folder, const char *name)
{
    char path[3 * LONGEST];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return fopen(path, "re");
}

static int64_t number_in(FILE *file)
{
    long long number = FF_STYLE_NO_LIMIT;

    if (file && fscanf(file, "%lld", &number) != 1)
        number = FF_STYLE_NO_LIMIT;
    if (file)
        fclose(file);
    return number < FF_STYLE_NO_LIMIT ? number : FF_STYLE_NO_LIMIT;
}

int64_t ff_style_read_number(const char *path)
{
    return number_in(fopen(path, "re"));
}

static int64_t number_of(const Group *group, const char *name)
{
    return number_in(open_file(group->path, name));
}

/** Whether a list such as "cpu,cpuacct" has the name. */
static int has_name(const char *list, const char *name)
{
    const size_t length = strlen(name);

    for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
        if (!strncmp(list, name, length) && (!list[length] || list[length] == ','))
            return 1;
    return 0;
}

/** Takes a line of /proc/self/cgroup, such as "4:cpu,cpuacct:/a/b" of version 1, or "0::/a/b" of 2. */
static void read_group(Group *group, const char *root, const char *controller, char *line)
{
    char *const names = strchr(line, ':'), *const path = names ? strchr(names + 1, ':') : NULL;
    int version;

    if (!path)
        return;
    *path = 0;
    path[1 + strcspn(path + 1, "\n")] = 0;
    version = names[1] ? has_name(names + 1, controller) : 2;
    if (!version || group->version == 1) // where a controller is of version 1, version 2 has it not
        return;
    group->version = version;
    group->top = (size_t)snprintf(group->path, LONGEST, "%s/sys/fs/cgroup%s%s", root,
                                  version == 1 ? "/" : "", version == 1 ? controller : "");
    if (group->top >= LONGEST)
        group->version = 0;
    else
        snprintf(group->path + group->top, sizeof(group->path) - group->top, "%s", path + 1);
}

/** Finds the group of this process that has a controller's limits; its version is 0 where there is none. */
static void find_group(Group *group, const char *root, const char *controller)
{
    char line[LONGEST];
    FILE *const file = open_file(root, "proc/self/cgroup");

    group->version = 0;
    while (file && fgets(line, sizeof(line), file))
        read_group(group, root, controller, line);
    if (file)
        fclose(file);
}

/** Goes to the group that this one lies in; its version is 0 behind the topmost. */
static void go_up(Group *group)
{
    char *const slash = strrchr(group->path + group->top, '/');

    if (slash)
        *slash = 0;
    else
        group->version = 0;
}

/** Whether memory.stat counts by that name what the system drops where memory is wanted: what it knows of files. */
static int is_dropped(const char *name, int version)
{
    if (version != 1)
        return !strcmp(name, "active_file") || !strcmp(name, "inactive_file") ||
               !strcmp(name, "slab_reclaimable");
    return !strcmp(name, "total_active_file") || !strcmp(name, "total_inactive_file");
}

static int64_t taken_for_files(const Group *group)
{
    FILE *const file = open_file(group->path, "memory.stat");
    char name[64];
    long long bytes;
    int64_t sum = 0;

    while (file && fscanf(file, "%63s %lld", name, &bytes) == 2)
        if (is_dropped(name, group->version))
            sum += bytes;
    if (file)
        fclose(file);
    return sum;
}

static int64_t memory_left(const Group *group)
{
    const int is_first = group->version == 1;
    const int64_t limit = number_of(group, is_first ? "memory.limit_in_bytes" : "memory.max");
    const int64_t used = number_of(group, is_first ? "memory.usage_in_bytes" : "memory.current");
    int64_t kept;

    if (limit == FF_STYLE_NO_LIMIT || used == FF_STYLE_NO_LIMIT)
        return limit;
    kept = used - taken_for_files(group);
    if (kept < 0)
        kept = 0;
    return kept < limit ? limit - kept : 0;
}

static int64_t processors_of(const Group *group)
{
    long long quota = -1, period = -1;
    FILE *file;

    if (group->version == 1) {
        quota = number_of(group, "cpu.cfs_quota_us");
        period = number_of(group, "cpu.cfs_period_us");
    } else if ((file = open_file(group->path, "cpu.max"))) {
        if (fscanf(file, "%lld %lld", &quota, &period) != 2)
            quota = -1;
        fclose(file);
    }
    if (quota <= 0 || quota >= FF_STYLE_NO_LIMIT || period <= 0)
        return FF_STYLE_NO_LIMIT;
    return quota / period + (quota % period > 0);
}

static int64_t least(const char *root, const char *controller, int64_t (*of)(const Group *group))
{
    int64_t found = FF_STYLE_NO_LIMIT;
    Group group;

    for (find_group(&group, root, controller); group.version; go_up(&group)) {
        const int64_t one = of(&group);

        found = one < found ? one : found;
    }
    return found;
}

int64_t ff_style_group_memory(const char *root)
{
    return least(root, "memory", memory_left);
}

int64_t ff_style_group_processors(const char *root)
{
    return least(root, "cpu", processors_of);
}
