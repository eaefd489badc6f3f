/* WebSocket clients on one epoll loop, with the handshakes of Engine.IO v4 and Socket.IO v5, or of graphql-transport-ws,
 * on top. */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum state { UNUSED, CONNECTING, UPGRADING, GREETING, ENTERING, JOINING, READY, CLOSED };

/* What waits to be read on or written, where a packet did not come or go in one piece. */
struct bytes {
    unsigned char *data;
    size_t length, capacity;
};

struct connection {
    int fd, index;
    enum state state;
    struct bytes incoming, outgoing;
    const char *room; /* the room that it joins; NULL for none */
    uint64_t began_ns;
    unsigned pings;
    bool is_subscribed; /* GraphQL: the subscription has given something */
    /* Kept by the measurements. */
    uint32_t next_sequence, in_flight, next_ack;
    uint64_t received, fingerprint;
    long last_version;
};

/* What is spoken over the WebSocket. Plain ones are JSON messages alone: a stock Channels consumer. */
enum dialect { SOCKET_IO, PLAIN, GRAPHQL };

struct wire_options {
    int port;
    enum dialect dialect;
    const char *subscription; /* GraphQL: the payload, of JSON, that each client subscribes with */
    const char *path;
    const char *extra;  /* further members of the auth object, such as `,"recovery":false` */
    char **tokens;
    int token_count;
};

/* Called by wire_poll. A ready connection is connected, and in its room if it has one. */
struct wire_handler {
    void (*entered)(struct connection *); /* Socket.IO has accepted it; may be NULL */
    void (*ready)(struct connection *);
    void (*event)(struct connection *, const char *text, size_t length);
    void (*acknowledged)(struct connection *, uint32_t id, bool ok, const char *text, size_t length);
    void (*due)(void); /* the timer of wire_set_timer */
};

void wire_start(const struct wire_options *, const struct wire_handler *);
void wire_open(struct connection *);
void wire_send(struct connection *, const char *text, size_t length);
void wire_close(struct connection *);
/* Handle what there is, after waiting for at most so long. */
void wire_poll(int timeout_ms);
/* Call `due` at that time of the monotonic clock; 0 for never. */
void wire_set_timer(uint64_t at_ns);

/* Frames that came so far, on all connections. */
extern uint64_t wire_frames;

uint64_t now_ns(void);
/* The first thing that went wrong, in words; "" if nothing did. */
extern char wire_problem[400];
/* Note what went wrong, if it is the first. */
void problem(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
