/* Latencies, and what /proc says of the processes under measurement. */
#ifndef FIGURES_H
#define FIGURES_H

#include <stddef.h>
#include <stdint.h>

struct latencies {
    uint32_t *us;
    size_t count, capacity;
};

void note_latency(struct latencies *, uint64_t ns);
/* Milliseconds below which that share (0 to 1) of them lies; 0 without any. Sorts them. */
double percentile_ms(struct latencies *, double share);

/* Processor seconds of the processes in a list such as "12,34", and of their children. */
double cpu_s(const char *pids);
double own_cpu_s(void);
/* Resident memory of the processes in the list, without children. */
long rss_kb(const char *pids);

#endif
