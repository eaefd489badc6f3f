#define _GNU_SOURCE /* memmem */
/* Every client posts to its room, and everybody in the room gets every post that was acknowledged, exactly once. */
#include "load.h"

#include <stdio.h>
#include <string.h>

#define DRAIN_S 10.0

static uint64_t run; /* makes client ids of this run unlike those of others */
static struct latencies end_to_end, to_ack;
static uint64_t posted, acknowledged, refused, delivered, out_of_order;
static uint64_t posted_times[65536]; /* of a client's latest post */
static uint64_t due_ns, measured_from_ns, measured_to_ns;
static bool posting;

static bool measured(uint64_t time_ns) { return time_ns >= measured_from_ns && time_ns < measured_to_ns; }

/* Every fifth post mentions somebody, every tenth the bot, which makes a job. */
static const char *beginning(uint32_t sequence) {
    static char mention[128], bot[128];
    snprintf(mention, sizeof mention, "@%s ", options.mention);
    snprintf(bot, sizeof bot, "@%s ", options.bot);
    if (options.bot && sequence % 10 == 0) return bot;
    return options.mention && sequence % 5 == 0 ? mention : "";
}

static void post(struct connection *c, uint64_t time_ns) {
    char text[640], body[384];
    uint32_t sequence = c->next_sequence++;
    body[write_text(body, beginning(sequence), (struct mark){time_ns, (uint32_t)c->index, sequence})] = 0;
    int length = snprintf(text, sizeof text,
                          "42%u[\"send-message\",\"%s\",{\"text\":\"%s\",\"clientId\":\"%08x-%04x-4000-8000-%04x%08x\"}]", sequence + 1,
                          c->room, body, (unsigned)(run >> 16), (unsigned)(run & 0xffff), c->index, sequence);
    posted++;
    c->in_flight++;
    posted_times[c->index] = time_ns;
    wire_send(c, text, (size_t)length);
}

static void take_ack(struct connection *c, uint32_t id, bool ok, const char *text, size_t length) {
    (void)id;
    c->in_flight--;
    if (!ok) {
        refused++;
        problem("a post was refused: %.*s", (int)(length < 200 ? length : 200), text);
        return;
    }
    acknowledged++;
    if (options.rate > 0) return;
    if (measured(posted_times[c->index])) note_latency(&to_ack, now_ns() - posted_times[c->index]);
    if (posting) post(c, now_ns());
}

static void note_version(struct connection *c, const char *text, size_t length) {
    static const char name[] = "\"version\":";
    const char *at = memmem(text, length, name, sizeof name - 1);
    long version = 0;
    if (!at) return;
    for (at += sizeof name - 1; at < text + length && *at >= '0' && *at <= '9'; at++) version = version * 10 + *at - '0';
    if (c->last_version && version != c->last_version + 1) out_of_order++;
    if (version > c->last_version) c->last_version = version;
}

static void take_event(struct connection *c, const char *text, size_t length) {
    static const char name[] = "42[\"new-message\"";
    struct mark mark;
    if (length < sizeof name || memcmp(text, name, sizeof name - 1) || !read_mark(text, length, &mark)) return;
    delivered++;
    c->received++;
    c->fingerprint += scramble(mark.sender, mark.sequence);
    note_version(c, text, length);
    if (measured(mark.time_ns)) note_latency(&end_to_end, now_ns() - mark.time_ns);
}

static void post_due(void) {
    static int turn;
    while (due_ns <= now_ns() && due_ns < measured_to_ns) {
        post(&clients[turn++ % options.clients], due_ns);
        due_ns += (uint64_t)(1e9 / options.rate);
    }
    if (due_ns < measured_to_ns) wire_set_timer(due_ns);
}

/* Whether everybody has what was posted in the same room, which is one of the first `room_count` clients' rooms. */
static bool all_received(void) {
    int rooms = options.room_count;
    for (int room = 0; room < rooms && room < options.clients; room++) {
        uint64_t expected = 0, sum = 0;
        for (int i = room; i < options.clients; i += rooms)
            for (uint32_t n = 0; n < clients[i].next_sequence; n++) expected++, sum += scramble((uint32_t)i, n);
        for (int i = room; i < options.clients; i += rooms)
            if (clients[i].received != expected || clients[i].fingerprint != sum) return false;
    }
    return true;
}

static uint64_t expected_deliveries(void) {
    uint64_t expected = 0;
    for (int i = 0; i < options.clients; i++) {
        int rooms = options.room_count, first = i % rooms;
        int members = (options.clients - first + rooms - 1) / rooms;
        expected += (uint64_t)clients[i].next_sequence * (uint64_t)members;
    }
    return expected;
}

static void drain(void) {
    uint64_t end = now_ns() + (uint64_t)(DRAIN_S * 1e9);
    while ((acknowledged + refused < posted || delivered < expected_deliveries()) && now_ns() < end && !wire_problem[0]) wire_poll(50);
    run_for(0.1); /* in which nothing may come twice */
    if (acknowledged + refused < posted || delivered < expected_deliveries())
        problem("the server did not keep up, or lost: of %llu posts %llu were acknowledged, of %llu deliveries %llu came",
                (unsigned long long)posted, (unsigned long long)acknowledged, (unsigned long long)expected_deliveries(),
                (unsigned long long)delivered);
    else if (!all_received())
        problem("clients got other posts than were sent, or one twice: %llu deliveries", (unsigned long long)delivered);
}

static void begin(void) {
    uint64_t start = now_ns();
    run = start;
    measured_from_ns = start + (uint64_t)(options.warm_up_s * 1e9);
    measured_to_ns = measured_from_ns + (uint64_t)(options.seconds * 1e9);
    posting = true;
    if (options.rate > 0) {
        due_ns = start;
        handler.due = post_due;
        wire_set_timer(due_ns);
    } else {
        for (int i = 0; i < options.clients; i++) post(&clients[i], now_ns());
    }
}

void measure_posts(void) {
    if (!options.room_count) {
        problem("--rooms is needed");
        return;
    }
    handler.event = take_event;
    handler.acknowledged = take_ack;
    if (!connect_all(options.clients, options.concurrency)) return;
    settle();
    begin();
    run_for(options.warm_up_s);
    uint64_t posts_before = acknowledged, deliveries_before = delivered;
    begin_cpu();
    run_for(options.seconds);
    uint64_t posts = acknowledged - posts_before, deliveries = delivered - deliveries_before;
    struct cpu cpu = end_cpu();
    posting = false;
    drain();
    double p50 = percentile_ms(&end_to_end, .5), p99 = percentile_ms(&end_to_end, .99);
    printf(",\"rooms\":%d,\"rate\":%.0f,\"posts\":%llu,\"posts_s\":%.0f,\"deliveries_s\":%.0f", options.room_count, options.rate,
           (unsigned long long)posts, (double)posts / cpu.elapsed_s, (double)deliveries / cpu.elapsed_s);
    printf(",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"ack_p50_ms\":%.3f,\"ack_p99_ms\":%.3f", p50, p99,
           percentile_ms(&end_to_end, 1), percentile_ms(&to_ack, .5), percentile_ms(&to_ack, .99));
    printf(",\"out_of_order\":%llu,\"server_us_post\":%.1f,\"database_us_post\":%.1f", (unsigned long long)out_of_order,
           posts ? cpu.server_s / (double)posts * 1e6 : 0, posts ? cpu.database_s / (double)posts * 1e6 : 0);
    double all_cpu_s = cpu.server_s + cpu.database_s;
    printf(",\"posts_cpu_s\":%.0f", all_cpu_s > 0 ? (double)posts / all_cpu_s : 0);
    print_cpu(cpu);
}
