#include "figures.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void note_latency(struct latencies *all, uint64_t ns) {
    if (all->count == all->capacity) {
        all->capacity = all->capacity ? all->capacity * 2 : 65536;
        all->us = realloc(all->us, all->capacity * sizeof *all->us);
        if (!all->us) {
            fprintf(stderr, "load: out of memory\n");
            exit(2);
        }
    }
    all->us[all->count++] = (uint32_t)(ns / 1000);
}

static int ascending(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

double percentile_ms(struct latencies *all, double share) {
    if (!all->count) return 0;
    qsort(all->us, all->count, sizeof *all->us, ascending);
    return all->us[(size_t)((double)(all->count - 1) * share)] / 1000.0;
}

struct process {
    int parent;
    double cpu_s, ended_children_cpu_s;
};

static int read_process(int pid, struct process *process) {
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    char *fields = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL; /* the name may hold anything */
    fclose(file);
    unsigned long user, system;
    long children_user, children_system;
    if (!fields || sscanf(fields + 2, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld", &process->parent, &user,
                          &system, &children_user, &children_system) != 5)
        return 0;
    double ticks_per_s = (double)sysconf(_SC_CLK_TCK);
    process->cpu_s = (double)(user + system) / ticks_per_s;
    process->ended_children_cpu_s = (double)(children_user + children_system) / ticks_per_s;
    return 1;
}

static double cpu_of_children_s(int pid) {
    double total = 0;
    struct process process;
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (atoi(entry->d_name) > 0 && read_process(atoi(entry->d_name), &process) && process.parent == pid) total += process.cpu_s;
    if (folder) closedir(folder);
    return total;
}

double cpu_s(const char *pids) {
    double total = 0;
    struct process process;
    for (const char *at = pids; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (read_process(atoi(at), &process)) total += process.cpu_s + process.ended_children_cpu_s + cpu_of_children_s(atoi(at));
    return total;
}

double own_cpu_s(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

long rss_kb(const char *pids) {
    long total = 0, kb;
    char path[64], line[256];
    for (const char *at = pids; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        snprintf(path, sizeof path, "/proc/%d/smaps_rollup", atoi(at));
        FILE *file = fopen(path, "r");
        while (file && fgets(line, sizeof line, file))
            if (sscanf(line, "Rss: %ld", &kb) == 1) total += kb;
        if (file) fclose(file);
    }
    return total;
}
