/* load: clients of a server, for the benchmarks of servers side by side.
 *
 *   load MEASURE --port N [options]
 *
 * MEASURE: fanout  one client sends; each message goes to all. Closed loop of --window messages, or --rate a second.
 *          posts   each client posts to its room and waits for the acknowledgement, or all together --rate a second.
 *          idle    memory of the server for --clients connections, which are then held for --seconds.
 *          storm   all clients connect at once; again, --cycles times.
 *          requests  each client posts the body of --body over HTTP, and again when it is answered, for --seconds or
 *                  --requests times; 00000000 in the body becomes another number each time.
 *
 * With --dialect graphql the clients of fanout subscribe with --subscribe, and the one that sends does so by mutation.
 *
 * Prints one JSON object on a line. Its member `problem` says what went wrong: a message that was lost, came twice or
 * out of order, a connection that was closed, a server that did not keep up. Exit code: 0 without a problem, 1 with
 * one, 2 for a wrong call. One thread and one epoll loop; it never spins, since Redis and PostgreSQL may share its core.
 */
#include "load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options options = {
    .wire = {.path = "/socket.io/?EIO=4&transport=websocket", .extra = ""},
    .clients = 10, .concurrency = 100, .window = 1, .cycles = 3, .warm_up_s = 0.5, .seconds = 2,
};
struct connection *clients;
int ready_count;
uint64_t last_entered_ns, last_ready_ns;

/* ------------------------------------------------------------------------------------------- connecting */

static void count_entered(struct connection *c) {
    (void)c;
    last_entered_ns = now_ns();
}

static void count_ready(struct connection *c) {
    (void)c;
    ready_count++;
    last_ready_ns = now_ns();
}

static void ignore_event(struct connection *c, const char *text, size_t length) { (void)c, (void)text, (void)length; }

static void ignore_ack(struct connection *c, uint32_t id, bool ok, const char *text, size_t length) {
    (void)c, (void)id, (void)ok, (void)text, (void)length;
}

static void ignore_timer(void) {}

struct wire_handler handler = {count_entered, count_ready, ignore_event, ignore_ack, ignore_timer};

bool connect_all(int count, int concurrency) {
    int opened = 0, ready_before = ready_count = 0;
    uint64_t progress_ns = now_ns();
    while (ready_count < count && !wire_problem[0]) {
        while (opened < count && opened - ready_count < concurrency) {
            struct connection *c = &clients[opened];
            c->index = opened;
            c->room = options.room_count ? options.rooms[opened % options.room_count] : NULL;
            wire_open(c);
            opened++;
        }
        wire_poll(100);
        if (ready_count > ready_before) ready_before = ready_count, progress_ns = now_ns();
        if ((double)(now_ns() - progress_ns) > 2 * PATIENCE_S * 1e9)
            problem("%d of %d clients were connected when nothing went on", ready_count, count);
    }
    return !wire_problem[0];
}

void close_all(void) {
    for (int i = 0; i < options.clients; i++) wire_close(&clients[i]);
}

void run_for(double seconds) {
    for (uint64_t end = now_ns() + (uint64_t)(seconds * 1e9); now_ns() < end && !wire_problem[0];) wire_poll(20);
}

void settle(void) {
    for (uint64_t frames = wire_frames - 1, end = now_ns() + (uint64_t)(4 * PATIENCE_S * 1e9); frames != wire_frames && now_ns() < end;) {
        frames = wire_frames;
        run_for(0.3);
    }
}

/* --------------------------------------------------------------------------------------------- messages */

size_t write_text(char *text, const char *beginning, struct mark mark) {
    int length = sprintf(text, "%s^%016llx%04x%08x", beginning, (unsigned long long)mark.time_ns, mark.sender, mark.sequence);
    while (length < TEXT_BYTES) text[length++] = 'x';
    return (size_t)length;
}

static uint64_t hexadecimal(const char *digits, int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; i++) value = value << 4 | (uint64_t)(digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
    return value;
}

bool read_mark(const char *text, size_t length, struct mark *mark) {
    const char *at = memchr(text, '^', length);
    if (!at || (size_t)(text + length - at) < MARK_BYTES) return false;
    mark->time_ns = hexadecimal(at + 1, 16);
    mark->sender = (uint32_t)hexadecimal(at + 17, 4);
    mark->sequence = (uint32_t)hexadecimal(at + 21, 8);
    return true;
}

uint64_t scramble(uint32_t sender, uint32_t sequence) { /* splitmix64 */
    uint64_t z = ((uint64_t)sender << 32 | sequence) + 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* ----------------------------------------------------------------------------------------- processor time */

static struct cpu begun;

static struct cpu cpu_now(void) {
    return (struct cpu){cpu_s(options.server_pids), cpu_s(options.database_pid), own_cpu_s(), (double)now_ns() / 1e9};
}

void begin_cpu(void) { begun = cpu_now(); }

struct cpu end_cpu(void) {
    struct cpu now = cpu_now();
    return (struct cpu){now.server_s - begun.server_s, now.database_s - begun.database_s, now.client_s - begun.client_s,
                        now.elapsed_s - begun.elapsed_s};
}

void print_cpu(struct cpu cpu) {
    printf(",\"elapsed_s\":%.3f,\"server_cpu_s\":%.3f,\"database_cpu_s\":%.3f,\"client_cpu\":%.2f", cpu.elapsed_s,
           cpu.server_s, cpu.database_s, cpu.client_s / cpu.elapsed_s);
}

/* ---------------------------------------------------------------------------------------------- the call */

static void wrong_call(const char *why) {
    fprintf(stderr, "load: %s\n", why);
    exit(2);
}

static char **read_lines(const char *path, int *count) {
    FILE *file = fopen(path, "r");
    char **lines = NULL, *line = NULL;
    size_t capacity = 0;
    if (!file) wrong_call("the file of tokens cannot be opened");
    for (*count = 0; getline(&line, &capacity, file) > 0; (*count)++) {
        line[strcspn(line, "\n")] = 0;
        lines = realloc(lines, (size_t)(*count + 1) * sizeof *lines);
        lines[*count] = strdup(line);
    }
    free(line);
    fclose(file);
    return lines;
}

static char **split(char *list, int *count) {
    char **parts = NULL;
    *count = 0;
    for (char *part = strtok(list, ","); part; part = strtok(NULL, ",")) {
        parts = realloc(parts, (size_t)(*count + 1) * sizeof *parts);
        parts[(*count)++] = part;
    }
    return parts;
}

static enum dialect dialect_of(const char *name) {
    if (!strcmp(name, "graphql")) return GRAPHQL;
    if (!strcmp(name, "plain")) return PLAIN;
    if (strcmp(name, "socket.io")) wrong_call("--dialect must be socket.io, plain or graphql");
    return SOCKET_IO;
}

static void read_options(int count, char **arguments) {
    static const struct option known[] = {
        {"port", 1, 0, 'p'}, {"path", 1, 0, 'u'}, {"dialect", 1, 0, 'j'}, {"subscribe", 1, 0, 'S'}, {"body", 1, 0, 'B'}, {"requests", 1, 0, 'N'}, {"auth-extra", 1, 0, 'x'}, {"tokens", 1, 0, 't'},
        {"rooms", 1, 0, 'R'}, {"clients", 1, 0, 'n'}, {"concurrency", 1, 0, 'c'}, {"window", 1, 0, 'w'}, {"rate", 1, 0, 'r'},
        {"warm-up", 1, 0, 'W'}, {"seconds", 1, 0, 's'}, {"cycles", 1, 0, 'k'}, {"server", 1, 0, 'P'},
        {"database", 1, 0, 'Q'}, {"mention", 1, 0, 'm'}, {"bot", 1, 0, 'b'}, {0, 0, 0, 0},
    };
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) >= 0;) switch (option) {
            case 'p': options.wire.port = atoi(optarg); break;
            case 'u': options.wire.path = optarg; break;
            case 'j': options.wire.dialect = dialect_of(optarg); break;
            case 'S': options.wire.subscription = optarg; break;
            case 'B': options.body = optarg; break;
            case 'N': options.requests = atoi(optarg); break;
            case 'x': options.wire.extra = optarg; break;
            case 't': options.wire.tokens = read_lines(optarg, &options.wire.token_count); break;
            case 'R': options.rooms = split(optarg, &options.room_count); break;
            case 'n': options.clients = atoi(optarg); break;
            case 'c': options.concurrency = atoi(optarg); break;
            case 'w': options.window = atoi(optarg); break;
            case 'r': options.rate = atof(optarg); break;
            case 'W': options.warm_up_s = atof(optarg); break;
            case 's': options.seconds = atof(optarg); break;
            case 'k': options.cycles = atoi(optarg); break;
            case 'P': options.server_pids = optarg; break;
            case 'Q': options.database_pid = optarg; break;
            case 'm': options.mention = optarg; break;
            case 'b': options.bot = optarg; break;
            default: exit(2);
        }
    if (optind != count - 1) wrong_call("give one measurement: fanout, posts, idle, storm or requests");
    options.measure = arguments[optind];
    if (!options.wire.port || options.clients < 1 || options.clients > 65535) wrong_call("--port and --clients are needed");
    if (options.window < 1 || options.window > 1024) wrong_call("--window must be 1 to 1024");
}

int main(int count, char **arguments) {
    static const struct {
        const char *name;
        void (*run)(void);
    } measures[] = {{"fanout", measure_fanout}, {"posts", measure_posts}, {"idle", measure_idle}, {"storm", measure_storm},
                  {"requests", measure_requests}};
    read_options(count, arguments);
    clients = calloc((size_t)options.clients, sizeof *clients);
    wire_start(&options.wire, &handler);
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
        if (!strcmp(options.measure, measures[i].name)) {
            printf("{\"measure\":\"%s\",\"clients\":%d", options.measure, options.clients);
            measures[i].run();
            printf(",\"problem\":\"%s\"}\n", wire_problem);
            return wire_problem[0] ? 1 : 0;
        }
    wrong_call("no such measurement");
}
