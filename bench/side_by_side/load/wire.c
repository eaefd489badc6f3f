#define _GNU_SOURCE /* memmem */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, MASKED = 0x80, FINAL = 0x80 };
#define JOIN_ACK 0
#define SUBSCRIPTION "s"

char wire_problem[400];
uint64_t wire_frames;
static const struct wire_options *options;
static const struct wire_handler *handler;
static int epoll_fd, timer_fd;
static unsigned char input[1 << 18]; /* of whichever connection is being read */

uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void problem(const char *format, ...) {
    if (wire_problem[0]) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(wire_problem, sizeof wire_problem, format, arguments);
    va_end(arguments);
    for (char *c = wire_problem; *c; c++) /* it goes into a JSON string */
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ' || (unsigned char)*c > '~') *c = '\'';
}

static void *checked(void *memory) {
    if (!memory) {
        fprintf(stderr, "load: out of memory\n");
        exit(2);
    }
    return memory;
}

static void keep(struct bytes *bytes, const unsigned char *data, size_t length) {
    if (bytes->length + length > bytes->capacity) {
        bytes->capacity = (bytes->length + length) * 2;
        bytes->data = checked(realloc(bytes->data, bytes->capacity));
    }
    if (length) memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

static void watch(struct connection *c, int operation, bool writing) {
    struct epoll_event event = {.events = writing ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll_fd, operation, c->fd, &event)) problem("epoll_ctl: %s", strerror(errno));
}

void wire_start(const struct wire_options *wire_options, const struct wire_handler *wire_handler) {
    options = wire_options;
    handler = wire_handler;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event);
}

void wire_set_timer(uint64_t at_ns) {
    struct itimerspec at = {.it_value = {(time_t)(at_ns / 1000000000u), (long)(at_ns % 1000000000u)}};
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void wire_open(struct connection *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        problem("socket: %s", strerror(errno));
        c->state = CLOSED;
        return;
    }
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->state = CONNECTING;
    c->began_ns = now_ns();
    c->incoming.length = c->outgoing.length = 0;
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) {
        problem("connect: %s", strerror(errno));
        wire_close(c);
        return;
    }
    watch(c, EPOLL_CTL_ADD, true);
}

void wire_close(struct connection *c) {
    if (c->state == CLOSED || c->state == UNUSED) return;
    close(c->fd);
    c->state = CLOSED;
}

/* Send what the socket takes now, and the rest when it takes more. */
static void write_bytes(struct connection *c, const unsigned char *data, size_t length) {
    if (!c->outgoing.length) {
        ssize_t sent = send(c->fd, data, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            problem("connection %d: send: %s", c->index, strerror(errno));
            wire_close(c);
            return;
        }
        if (sent > 0) data += sent, length -= (size_t)sent;
        if (!length) return;
        watch(c, EPOLL_CTL_MOD, true);
    }
    keep(&c->outgoing, data, length);
}

static void flush(struct connection *c) {
    ssize_t sent = send(c->fd, c->outgoing.data, c->outgoing.length, MSG_NOSIGNAL);
    if (sent < 0) return; /* EAGAIN; an error is seen by the next read */
    c->outgoing.length -= (size_t)sent;
    memmove(c->outgoing.data, c->outgoing.data + sent, c->outgoing.length);
    if (!c->outgoing.length) watch(c, EPOLL_CTL_MOD, false);
}

static void write_frame(struct connection *c, int opcode, const char *data, size_t length) {
    unsigned char frame[8 + 65535];
    size_t header = 2;
    if (length > 65535) {
        problem("a frame of %zu bytes is too long to send", length);
        return;
    }
    frame[0] = (unsigned char)(FINAL | opcode);
    if (length < 126) {
        frame[1] = (unsigned char)(MASKED | length);
    } else {
        frame[1] = MASKED | 126;
        frame[2] = (unsigned char)(length >> 8);
        frame[3] = (unsigned char)length;
        header = 4;
    }
    memset(frame + header, 0, 4); /* a key of zeros leaves the bytes as they are; the server unmasks all the same */
    memcpy(frame + header + 4, data, length);
    write_bytes(c, frame, header + 4 + length);
}

void wire_send(struct connection *c, const char *text, size_t length) {
    if (c->state != CLOSED) write_frame(c, TEXT, text, length);
}

static void fail(struct connection *c, const char *what, const char *text, size_t length) {
    problem("connection %d: %s: %.*s", c->index, what, (int)(length < 200 ? length : 200), text);
    wire_close(c);
}

static void become_ready(struct connection *c) {
    c->state = READY;
    handler->ready(c);
}

static void enter(struct connection *c) {
    char text[4096];
    const char *token = options->token_count ? options->tokens[c->index % options->token_count] : "";
    const char *form = options->dialect == GRAPHQL
                           ? "{\"type\":\"connection_init\",\"payload\":{\"authorization\":\"Bearer %s\"}%s}"
                           : "40{\"token\":\"%s\"%s}";
    int length = snprintf(text, sizeof text, form, token, options->extra);
    if (length >= (int)sizeof text) {
        problem("the token is too long");
        return;
    }
    c->state = ENTERING;
    wire_send(c, text, (size_t)length);
}

static void join(struct connection *c) {
    char text[128];
    if (handler->entered) handler->entered(c);
    if (!c->room) {
        become_ready(c);
        return;
    }
    c->state = JOINING;
    int length = snprintf(text, sizeof text, "42%d[\"join-room\",\"%s\"]", JOIN_ACK, c->room);
    wire_send(c, text, (size_t)length);
}

static void take_ack(struct connection *c, const char *text, size_t length) {
    uint32_t id = 0;
    size_t at = 2;
    while (at < length && text[at] >= '0' && text[at] <= '9') id = id * 10 + (uint32_t)(text[at++] - '0');
    bool ok = memmem(text, length, "\"ok\":true", 9) != NULL;
    if (c->state != JOINING) {
        handler->acknowledged(c, id, ok, text, length);
    } else if (ok) {
        become_ready(c);
    } else {
        fail(c, "join-room was refused", text, length);
    }
}

static void subscribe(struct connection *c) {
    char text[4096];
    int length = snprintf(text, sizeof text, "{\"id\":\"" SUBSCRIPTION "\",\"type\":\"subscribe\",\"payload\":%s}", options->subscription);
    if (length >= (int)sizeof text) {
        problem("the subscription is too long");
        return;
    }
    wire_send(c, text, (size_t)length);
    become_ready(c);
}

static bool has(const char *text, size_t length, const char *words) { return memmem(text, length, words, strlen(words)) != NULL; }

/* A message of graphql-transport-ws: its type is among its first members. */
static void take_graphql(struct connection *c, const char *text, size_t length) {
    size_t head = length < 64 ? length : 64;
    if (has(text, head, "\"type\":\"next\"") && !has(text, length, "\"errors\"")) {
        handler->event(c, text, length);
    } else if (has(text, head, "\"type\":\"connection_ack\"")) {
        subscribe(c);
    } else if (has(text, head, "\"type\":\"ping\"")) {
        wire_send(c, "{\"type\":\"pong\"}", 15);
    } else if (!has(text, head, "\"type\":\"complete\"") || has(text, head, "\"id\":\"" SUBSCRIPTION "\"")) {
        fail(c, "the server said", text, length);
    }
}

static void take_text(struct connection *c, const char *text, size_t length) {
    if (options->dialect == GRAPHQL) {
        take_graphql(c, text, length);
    } else if (options->dialect == PLAIN) {
        handler->event(c, text, length);
    } else if (length >= 2 && text[0] == '4' && text[1] == '2') {
        handler->event(c, text, length);
    } else if (length >= 2 && text[0] == '4' && text[1] == '3') {
        take_ack(c, text, length);
    } else if (length == 1 && text[0] == '2') {
        c->pings++;
        wire_send(c, "3", 1);
    } else if (c->state == GREETING && length && text[0] == '0') {
        enter(c);
    } else if (c->state == ENTERING && length >= 2 && text[0] == '4' && text[1] == '0') {
        join(c);
    } else {
        fail(c, "the server said", text, length);
    }
}

static void take_frame(struct connection *c, int opcode, const char *data, size_t length) {
    wire_frames++;
    switch (opcode) {
        case FINAL | TEXT: take_text(c, data, length); break;
        case FINAL | PING: write_frame(c, PONG, data, length); break;
        case FINAL | PONG: break;
        case FINAL | CLOSE: fail(c, "closed by the server", length > 2 ? data + 2 : "", length > 2 ? length - 2 : 0); break;
        default: fail(c, "a frame that is not expected", "", 0);
    }
}

/* Handle the whole frames in `data`; gives the bytes they had. */
static size_t take_frames(struct connection *c, const unsigned char *data, size_t length) {
    size_t at = 0;
    while (length - at >= 2 && c->state != CLOSED) {
        size_t header = 2, size = data[at + 1];
        if (size == 126) {
            if (length - at < (header = 4)) break;
            size = (size_t)data[at + 2] << 8 | data[at + 3];
        } else if (size == 127) {
            if (length - at < (header = 10)) break;
            size = 0;
            for (size_t i = 2; i < 10; i++) size = size << 8 | data[at + i];
        }
        if (length - at - header < size) break;
        take_frame(c, data[at], (const char *)data + at + header, size);
        at += header + size;
    }
    return at;
}

/* The reply to the upgrade; gives its bytes, or 0 while it is not complete. */
static size_t take_upgrade(struct connection *c, const unsigned char *data, size_t length) {
    const unsigned char *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end) return 0;
    if (length < 12 || memcmp(data + 9, "101", 3)) {
        fail(c, "no upgrade", (const char *)data, length);
    } else if (options->dialect == PLAIN) {
        become_ready(c);
    } else if (options->dialect == GRAPHQL) {
        enter(c);
    } else {
        c->state = GREETING;
    }
    return (size_t)(end - data) + 4;
}

static void read_bytes(struct connection *c) {
    size_t before = c->incoming.length;
    if (before) memcpy(input, c->incoming.data, before);
    ssize_t got = recv(c->fd, input + before, sizeof input - before, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        const char *reason = got ? strerror(errno) : "end of stream";
        fail(c, "lost", reason, strlen(reason));
        return;
    }
    size_t length = before + (size_t)got, at = 0;
    c->incoming.length = 0;
    if (c->state == UPGRADING) at = take_upgrade(c, input, length);
    if (c->state != UPGRADING) at += take_frames(c, input + at, length - at);
    if (c->state == CLOSED) return;
    if (length - at == sizeof input) {
        fail(c, "a frame that is too long", "", 0);
        return;
    }
    keep(&c->incoming, input + at, length - at);
}

static void upgrade(struct connection *c) {
    char request[512];
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        fail(c, "connect", strerror(error), strlen(strerror(error)));
        return;
    }
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                          options->path, options->port,
                          options->dialect == GRAPHQL ? "Sec-WebSocket-Protocol: graphql-transport-ws\r\n" : "");
    c->state = UPGRADING;
    watch(c, EPOLL_CTL_MOD, false);
    write_bytes(c, (unsigned char *)request, (size_t)length);
}

void wire_poll(int timeout_ms) {
    struct epoll_event events[512];
    int count = epoll_wait(epoll_fd, events, 512, timeout_ms);
    for (int i = 0; i < count; i++) {
        struct connection *c = events[i].data.ptr;
        uint64_t expirations;
        if (!c) {
            if (read(timer_fd, &expirations, sizeof expirations) > 0) handler->due();
        } else if (c->state == CONNECTING) {
            upgrade(c);
        } else if (c->state != CLOSED) {
            if (events[i].events & EPOLLOUT && c->outgoing.length) flush(c);
            if (events[i].events & ~(uint32_t)EPOLLOUT) read_bytes(c);
        }
    }
}
