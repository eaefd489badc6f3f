/* Connections that do nothing but be there, and many that come at once. */
#include "load.h"

#include <stdio.h>

#define SETTLE_S 2.0

static int count_pinged(void) {
    int pinged = 0;
    for (int i = 0; i < options.clients; i++) pinged += clients[i].pings > 0;
    return pinged;
}

void measure_idle(void) {
    int warm_up = options.clients / 50 + 1; /* what the server makes once is not counted */
    if (!connect_all(warm_up, options.concurrency)) return;
    run_for(0.3);
    close_all();
    run_for(1);
    long before = rss_kb(options.server_pids);
    uint64_t begun = now_ns();
    if (!connect_all(options.clients, options.concurrency)) return;
    double connecting_s = (double)(now_ns() - begun) / 1e9;
    settle();
    run_for(SETTLE_S);
    long after = rss_kb(options.server_pids);
    begin_cpu();
    run_for(options.seconds);
    struct cpu cpu = end_cpu();
    printf(",\"connecting_s\":%.2f,\"held_s\":%.1f,\"pinged\":%d,\"before_kb\":%ld,\"after_kb\":%ld,\"kb_per_connection\":%.2f",
           connecting_s, SETTLE_S + options.seconds, count_pinged(), before, after, (double)(after - before) / options.clients);
    print_cpu(cpu);
}

void measure_storm(void) {
    struct latencies entered = {0}, ready = {0}; /* of all clients of a cycle, one figure for each cycle */
    double cpu_total_s = 0;
    for (int cycle = 0; cycle <= options.cycles && !wire_problem[0]; cycle++) { /* the first warms up */
        begin_cpu();
        uint64_t begun = now_ns();
        if (!connect_all(options.clients, options.clients)) return;
        if (cycle) {
            note_latency(&entered, last_entered_ns - begun);
            note_latency(&ready, last_ready_ns - begun);
            cpu_total_s += end_cpu().server_s;
        }
        run_for(0.3);
        close_all(); /* and at once they come again */
    }
    double entered_s = percentile_ms(&entered, .5) / 1e3, ready_s = percentile_ms(&ready, .5) / 1e3;
    printf(",\"cycles\":%d,\"ready_s\":%.3f,\"ready_per_s\":%.0f", options.cycles, ready_s, options.clients / ready_s);
    if (options.wire.dialect != PLAIN) printf(",\"connected_per_s\":%.0f", options.clients / entered_s);
    printf(",\"ready_per_server_cpu_s\":%.0f", cpu_total_s > 0 ? options.clients * options.cycles / cpu_total_s : 0);
}
