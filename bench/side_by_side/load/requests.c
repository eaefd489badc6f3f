/* Requests by POST over connections that are kept: each client sends its next one when it has its answer. */
#define _GNU_SOURCE /* memmem, strcasestr */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX_BYTES (1 << 22)
#define NUMBER "00000000" /* in the body, where each request is to be another one */

struct client {
    int fd, index;
    char *request, *number; /* the place of NUMBER in it, or NULL */
    size_t request_length, sent;
    char *answer;
    size_t length;
    uint64_t began_ns;
    char *first_body; /* what all answers to it have to be, where all its requests are the same */
    size_t first_length;
};

static int epoll_fd;
static struct client *askers;
static uint64_t answered, reconnects;
static struct latencies latencies;
static bool measuring, stopping;

static char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "r");
    char *content = NULL;
    size_t capacity = 0;
    ssize_t got = file ? getdelim(&content, &capacity, EOF, file) : -1;
    if (got <= 0) {
        problem("the body %s cannot be read", path);
        return NULL;
    }
    fclose(file);
    while (got && content[got - 1] == '\n') got--;
    *length = (size_t)got;
    return content;
}

static void write_on(struct client *c) {
    while (c->sent < c->request_length) {
        ssize_t sent = send(c->fd, c->request + c->sent, c->request_length - c->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return; /* epoll says when it goes on */
        if (sent < 0) {
            problem("client %d: send: %s", c->index, strerror(errno));
            return;
        }
        c->sent += (size_t)sent;
    }
}

static void ask(struct client *c) {
    static unsigned number;
    if (c->number) {
        char digits[9];
        snprintf(digits, sizeof digits, "%08u", ++number);
        memcpy(c->number, digits, 8);
    }
    c->sent = c->length = 0;
    c->began_ns = now_ns();
    write_on(c);
}

static void dial(struct client *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.wire.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address)) {
        problem("client %d: connect: %s", c->index, strerror(errno));
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
    ask(c);
}

static void take_answer(struct client *c, const char *body, size_t length) {
    if (memcmp(c->answer + 9, "200", 3) || memmem(body, length, "\"errors\"", 8)) {
        problem("client %d was answered: %.12s %.*s", c->index, c->answer, (int)(length < 200 ? length : 200), body);
        return;
    }
    if (!c->first_body) {
        c->first_body = malloc(length);
        memcpy(c->first_body, body, c->first_length = length);
    } else if (!c->number && (length != c->first_length || memcmp(body, c->first_body, length))) {
        problem("client %d was answered otherwise: %zu bytes, not %zu", c->index, length, c->first_length);
        return;
    }
    answered++;
    if (measuring) note_latency(&latencies, now_ns() - c->began_ns);
}

/* Put the chunks of a body together, in place; gives its length, or -1 while it is not complete. */
static ssize_t join_chunks(char *body, size_t length) {
    size_t from = 0, to = 0;
    for (;;) {
        char *end = memmem(body + from, length - from, "\r\n", 2);
        if (!end) return -1;
        size_t size = strtoul(body + from, NULL, 16);
        from = (size_t)(end - body) + 2;
        if (length - from < size + 2) return -1;
        if (!size) return (ssize_t)to;
        memmove(body + to, body + from, size);
        to += size, from += size + 2;
    }
}

/* The length of the body that has come, or -1 while it is not complete. */
static ssize_t body_length(char *head, char *body, size_t got) {
    const char *stated = strcasestr(head, "\r\ncontent-length:");
    if (stated) {
        size_t length = strtoul(stated + 17, NULL, 10);
        return got >= length ? (ssize_t)length : -1;
    }
    if (!strcasestr(head, "\r\ntransfer-encoding: chunked")) {
        problem("an answer does not say where it ends");
        return -1;
    }
    if (got < 5 || memcmp(body + got - 5, "0\r\n\r\n", 5)) return -1; /* looked through once, when all is there */
    return join_chunks(body, got);
}

static void hang_up(struct client *c) {
    close(c->fd);
    reconnects++;
    if (!stopping) dial(c);
}

static void read_on(struct client *c) {
    ssize_t got;
    while ((got = recv(c->fd, c->answer + c->length, ANSWER_MAX_BYTES - 1 - c->length, MSG_DONTWAIT)) > 0) {
        c->length += (size_t)got;
        c->answer[c->length] = 0;
        char *end = memmem(c->answer, c->length, "\r\n\r\n", 4);
        if (!end) continue;
        *end = 0; /* the head is a string */
        char *body = end + 4;
        ssize_t length = body_length(c->answer, body, c->length - (size_t)(body - c->answer));
        bool closes = strcasestr(c->answer, "\r\nconnection: close") != NULL;
        *end = '\r';
        if (wire_problem[0]) return;
        if (length < 0) continue;
        take_answer(c, body, (size_t)length);
        if (wire_problem[0]) return;
        if (closes) {
            hang_up(c);
            return;
        }
        if (stopping) return;
        ask(c);
    }
    if (got == 0) hang_up(c);
    else if (errno != EAGAIN) problem("client %d: recv: %s", c->index, strerror(errno));
}

static void poll_answers(int timeout_ms) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll_fd, events, 64, timeout_ms);
    for (int i = 0; i < count && !wire_problem[0]; i++) {
        struct client *c = events[i].data.ptr;
        if (events[i].events & EPOLLOUT) write_on(c);
        if (events[i].events & ~(uint32_t)EPOLLOUT) read_on(c);
    }
}

/* Go on for that time and until something was answered, or until so many were; a server that answers nothing has stopped. */
static void ask_for(double seconds, uint64_t count) {
    uint64_t begun = now_ns(), progress_ns = begun, last = answered, until = answered + (count ? count : 1);
    while (!wire_problem[0] && (answered < until || (!count && (double)(now_ns() - begun) < seconds * 1e9))) {
        poll_answers(20);
        if (answered != last) last = answered, progress_ns = now_ns();
        else if ((double)(now_ns() - progress_ns) > 2 * PATIENCE_S * 1e9) problem("no answer for %.0f s", 2 * PATIENCE_S);
    }
}

static void prepare(struct client *c, const char *body, size_t body_length) {
    const char *token = options.wire.tokens[c->index % options.wire.token_count];
    size_t capacity = body_length + strlen(token) + 512;
    c->request = malloc(capacity);
    c->answer = malloc(ANSWER_MAX_BYTES);
    int head = snprintf(c->request, capacity,
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
                        "Accept: application/graphql-response+json, application/json;q=0.9\r\nContent-Length: %zu\r\n\r\n",
                        options.wire.path, options.wire.port, token, body_length);
    memcpy(c->request + head, body, body_length);
    c->request_length = (size_t)head + body_length;
    c->number = memmem(c->request + head, body_length, NUMBER, 8);
}

static void report_rate(void) {
    ask_for(options.warm_up_s, 0);
    uint64_t before = answered;
    measuring = true;
    begin_cpu();
    ask_for(options.seconds, 0);
    struct cpu cpu = end_cpu();
    double count = (double)(answered - before);
    if (!count) return; /* the problem says why */
    printf(",\"requests\":%.0f,\"requests_s\":%.1f,\"server_ms_request\":%.4f,\"database_ms_request\":%.4f", count,
           count / cpu.elapsed_s, cpu.server_s / count * 1e3, cpu.database_s / count * 1e3);
    printf(",\"requests_cpu_s\":%.1f", cpu.server_s > 0 ? count / cpu.server_s : 0);
    printf(",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"answer_bytes\":%zu,\"reconnects\":%llu",
           percentile_ms(&latencies, .5), percentile_ms(&latencies, .99), percentile_ms(&latencies, 1), askers[0].first_length,
           (unsigned long long)reconnects);
    print_cpu(cpu);
}

/* Memory after a tenth of them, when caches are full, and after all. */
static void report_growth(uint64_t count) {
    ask_for(0, count / 10);
    long early = rss_kb(options.server_pids);
    begin_cpu();
    ask_for(0, count - count / 10);
    struct cpu cpu = end_cpu();
    long late = rss_kb(options.server_pids);
    printf(",\"requests\":%llu,\"early_mb\":%.2f,\"late_mb\":%.2f,\"growth_mb\":%.2f", (unsigned long long)answered,
           (double)early / 1024, (double)late / 1024, (double)(late - early) / 1024);
    print_cpu(cpu);
}

void measure_requests(void) {
    size_t length = 0;
    char *body = options.body ? read_file(options.body, &length) : NULL;
    if (!body || !options.wire.token_count) {
        problem("--body and --tokens are needed");
        return;
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    askers = calloc((size_t)options.clients, sizeof *askers);
    for (int i = 0; i < options.clients && !wire_problem[0]; i++) {
        askers[i].index = i;
        prepare(&askers[i], body, length);
        dial(&askers[i]);
    }
    if (options.requests) report_growth((uint64_t)options.requests);
    else report_rate();
    stopping = true;
}
