/* One client sends, everybody in the room gets each message exactly once; and in order, except where several mutations of
 * GraphQL are under way, which run side by side. */
#include "load.h"

#include <stdio.h>
#include <string.h>

#define RING 4096 /* more than messages can be under way */

static uint32_t sent, complete; /* messages sent; messages that every client has */
static int missing[RING];       /* of message n: how many clients lack it */
static uint64_t delivered;
static struct latencies latencies;
static uint64_t due_ns, measured_from_ns, measured_to_ns;
static int subscribed; /* GraphQL: clients that got something */
static uint64_t expected, run; /* the sum of what was sent; a number that other runs do not have */

static int form_message(char *text, size_t size, const char *body) {
    if (options.wire.dialect == PLAIN) return snprintf(text, size, "{\"type\":\"broadcast\",\"text\":\"%s\"}", body);
    if (options.wire.dialect == SOCKET_IO) return snprintf(text, size, "42[\"broadcast\",\"%s\",\"%s\"]", clients[0].room, body);
    return snprintf(text, size,
                    "{\"id\":\"m%u\",\"type\":\"subscribe\",\"payload\":{\"query\":\"mutation($i: SendMessageInput!) "
                    "{ sendMessage(input: $i) { id } }\",\"variables\":{\"i\":{\"roomId\":\"%s\",\"text\":\"%s\","
                    "\"clientId\":\"%llx-%u\"}}}}",
                    sent, clients[0].room, body, (unsigned long long)run, sent);
}

static void emit(uint64_t time_ns) {
    char text[512], body[128];
    body[write_text(body, "", (struct mark){time_ns, 0, sent})] = 0;
    int length = form_message(text, sizeof text, body);
    expected += scramble(0, sent);
    missing[sent++ % RING] = options.clients;
    wire_send(&clients[0], text, (size_t)length);
}

static void take_event(struct connection *c, const char *text, size_t length) {
    struct mark mark;
    if (!read_mark(text, length, &mark)) return; /* presence and the like */
    if (!c->is_subscribed && options.wire.dialect == GRAPHQL) {
        c->is_subscribed = true;
        subscribed++;
        c->next_sequence = mark.sequence;
    }
    c->fingerprint += scramble(0, mark.sequence);
    if (mark.sequence != c->next_sequence && options.wire.dialect != GRAPHQL) {
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

/* No server says when a subscription is in force: messages are sent until one has reached everybody. */
static void await_subscriptions(void) {
    uint64_t until = now_ns() + (uint64_t)(12 * PATIENCE_S * 1e9);
    while (subscribed < options.clients && !wire_problem[0]) {
        emit(now_ns());
        run_for(0.3);
        if (now_ns() > until) problem("%d of %d subscriptions gave something", subscribed, options.clients);
    }
    settle();
    complete = sent;
    expected = 0;
    for (int i = 0; i < options.clients; i++) clients[i].fingerprint = 0;
}

static void check_sums(void) {
    for (int i = 0; i < options.clients && !wire_problem[0]; i++)
        if (clients[i].fingerprint != expected) problem("client %d did not get exactly what was sent", i);
}

void measure_fanout(void) {
    handler.event = take_event;
    run = now_ns();
    if (!connect_all(options.clients, options.concurrency)) return;
    settle();
    if (options.wire.dialect == GRAPHQL) await_subscriptions();
    else expected = 0;
    if (options.rate > 0) send_at_rate();
    else send_in_window();
    check_sums();
}
