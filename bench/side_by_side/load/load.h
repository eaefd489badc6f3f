/* What the measurements share: the options, the connections, the mark in each message, the report. */
#ifndef LOAD_H
#define LOAD_H

#include "figures.h"
#include "wire.h"

struct options {
    struct wire_options wire;
    const char *measure;
    int clients, concurrency, window, cycles;
    double warm_up_s, seconds, rate;
    char **rooms; /* client i is in room i modulo their number; none: it joins nothing */
    int room_count;
    const char *server_pids, *database_pid;
    const char *mention, *bot; /* names that some posts call */
    const char *body;          /* a file with what is posted over HTTP */
    int requests;              /* so many, instead of for a time */
};

extern struct options options;
extern struct connection *clients;
extern int ready_count;
extern uint64_t last_entered_ns, last_ready_ns;

#define PATIENCE_S 5.0 /* for what should come at once */
#define TEXT_BYTES 100

/* The mark: `^`, then 16 hexadecimal digits of time, 4 of sender, 8 of sequence number. */
#define MARK_BYTES 29
struct mark {
    uint64_t time_ns;
    uint32_t sender, sequence;
};
/* Write a text of TEXT_BYTES (or more, for a long beginning) with the mark in it; gives its length. */
size_t write_text(char *text, const char *beginning, struct mark);
/* A number that stands for a message in sums: two different sets of messages have different sums. */
uint64_t scramble(uint32_t sender, uint32_t sequence);
/* Read the mark; false if there is none. */
bool read_mark(const char *text, size_t length, struct mark *);

/* Open all clients, at most `concurrency` at once, and wait until all are ready. False, with a problem, if not. */
bool connect_all(int count, int concurrency);
void close_all(void);
void run_for(double seconds);
/* Wait until what greets newcomers (who is online) is over. */
void settle(void);

/* The measurements; each prints its members of the report. */
void measure_fanout(void); /* also for a fixed rate */
void measure_posts(void);
void measure_idle(void);
void measure_storm(void);
void measure_requests(void); /* GraphQL over HTTP */

/* The processor time since the last call of begin_cpu. */
struct cpu {
    double server_s, database_s, client_s, elapsed_s;
};
void begin_cpu(void);
struct cpu end_cpu(void);
void print_cpu(struct cpu);

extern struct wire_handler handler;

#endif
