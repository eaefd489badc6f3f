/* One client sends, everybody in the room gets each message exactly once and in order. */
#include "load.h"

#include <stdio.h>
#include <string.h>

#define RING 4096 /* more than messages can be under way */

static uint32_t sent, complete; /* messages sent; messages that every client has */
static int missing[RING];       /* of message n: how many clients lack it */
static uint64_t delivered;
static struct latencies latencies;
static uint64_t due_ns, measured_from_ns, measured_to_ns;

static void emit(uint64_t time_ns) {
    char text[256], body[128];
    body[write_text(body, "", (struct mark){time_ns, 0, sent})] = 0;
    const char *form = options.wire.plain ? "{\"type\":\"broadcast\",\"text\":\"%s\"}" : "42[\"broadcast\",\"%s\",\"%s\"]";
    int length = options.wire.plain ? snprintf(text, sizeof text, form, body)
                                    : snprintf(text, sizeof text, form, clients[0].room, body);
    missing[sent++ % RING] = options.clients;
    wire_send(&clients[0], text, (size_t)length);
}

static void take_event(struct connection *c, const char *text, size_t length) {
    struct mark mark;
    if (!read_mark(text, length, &mark)) return; /* presence and the like */
    if (mark.sequence != c->next_sequence) {
        problem("client %d got message %u where %u was next", c->index, mark.sequence, c->next_sequence);
        return;
    }
    c->next_sequence++;
    delivered++;
    if (!--missing[mark.sequence % RING]) complete++;
    if (options.rate > 0 && mark.time_ns >= measured_from_ns && mark.time_ns < measured_to_ns) note_latency(&latencies, now_ns() - mark.time_ns);
}

static void check_progress(void) {
    static uint64_t last_delivered, last_ns;
    if (!last_ns || delivered != last_delivered || complete == sent) {
        last_delivered = delivered;
        last_ns = now_ns();
    } else if ((double)(now_ns() - last_ns) > PATIENCE_S * 1e9) {
        problem("%u messages were sent, %u reached every client", sent, complete);
    }
}

static void keep_window_full(double seconds) {
    uint64_t before = delivered, end = now_ns() + (uint64_t)(seconds * 1e9);
    while ((now_ns() < end || delivered == before) && !wire_problem[0]) { /* on a busy machine, until something came */
        while (sent - complete < (uint32_t)options.window) emit(now_ns());
        wire_poll(100);
        check_progress();
    }
}

static void wait_for_rest(void) {
    while (complete < sent && !wire_problem[0]) {
        wire_poll(100);
        check_progress();
    }
    run_for(0.05); /* in which nothing may come twice */
}

static void send_due(void) {
    while (due_ns <= now_ns() && due_ns < measured_to_ns && sent - complete < RING - 1) {
        emit(due_ns); /* the time at which it was due: a sender that is held up must not shorten the wait */
        due_ns += (uint64_t)(1e9 / options.rate);
    }
    if (sent - complete >= RING - 1) problem("the server did not keep up: %d messages are under way", RING - 1);
    if (due_ns < measured_to_ns) wire_set_timer(due_ns);
}

static void send_at_rate(void) {
    due_ns = now_ns();
    measured_from_ns = due_ns + (uint64_t)(options.warm_up_s * 1e9);
    measured_to_ns = measured_from_ns + (uint64_t)(options.seconds * 1e9);
    handler.due = send_due;
    wire_set_timer(due_ns);
    run_for(options.warm_up_s);
    begin_cpu();
    run_for(options.seconds);
    struct cpu cpu = end_cpu();
    wait_for_rest();
    double p50 = percentile_ms(&latencies, .5), p90 = percentile_ms(&latencies, .9), p99 = percentile_ms(&latencies, .99);
    printf(",\"rate\":%.0f,\"deliveries\":%zu,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f", options.rate,
           latencies.count, p50, p90, p99, percentile_ms(&latencies, 1));
    print_cpu(cpu);
}

static void send_in_window(void) {
    keep_window_full(options.warm_up_s);
    uint64_t before = delivered;
    begin_cpu();
    keep_window_full(options.seconds);
    uint64_t counted = delivered - before;
    struct cpu cpu = end_cpu();
    wait_for_rest();
    printf(",\"window\":%d,\"messages\":%u,\"deliveries\":%llu,\"deliveries_s\":%.0f,\"deliveries_cpu_s\":%.0f", options.window, sent,
           (unsigned long long)counted, (double)counted / cpu.elapsed_s, cpu.server_s > 0 ? (double)counted / cpu.server_s : 0);
    print_cpu(cpu);
}

void measure_fanout(void) {
    handler.event = take_event;
    if (!connect_all(options.clients, options.concurrency)) return;
    settle();
    if (options.rate > 0) send_at_rate();
    else send_in_window();
}
