/*
 * diskshim: sees every call of a process that changes the disk below one folder.
 *
 * Loaded with LD_PRELOAD. It can count those calls, kill the process at the Nth one, let the Nth one
 * fail (or lie), and record all of them as one serial history from which tests/kit/power_cut.py
 * rebuilds what a disk may hold after a power cut.
 *
 *   HOWDAH_SHIM_ROOT    the folder; everything outside it passes untouched
 *   HOWDAH_SHIM_COUNT   file that gets one line a call: index, name, class, path, length (tabs)
 *   HOWDAH_SHIM_KILL    N:before|after|half   SIGKILL at the Nth call; half = half of the bytes of a write
 *   HOWDAH_SHIM_FAULT   call:what:nth[:part of path][,...]
 *                       call: libc name, or class (write sync name size), or *
 *                       what: EIO ENOSPC ... | SHORT | FLIP | LIE | DELAY<ms>
 *                       nth:  3 | 3+ (from the third on) | * | ~0.02 (each with that probability)
 *   HOWDAH_SHIM_SEED    seed of the ~ form
 *   HOWDAH_SHIM_RECORD  file that gets one binary record for each successful change, and for each fsync or
 *                       fdatasync that a fault made fail (the kernel forgets such pages: they are lost)
 *   HOWDAH_SHIM_ARMED   if set, count, kill and fault rest while this file does not exist
 *
 * A process that forks others can give each child orders of its own: howdah_shim_arm.
 *
 * A mutex is held over each call and its record, and an flock beside it, so that the record is a
 * serial history even when several processes share it. Wrappers use raw system calls: then "64" and
 * "v2" variants are only other names for one body, and libc cannot call back into a wrapper.
 *
 * Not seen: stores through mmap, io_uring, stdio's internal writes (fopen), bind() of a unix socket, and
 * functions looked up in libc's own handle (ctypes.CDLL("libc.so.6"); CDLL(None) is seen).
 */
#include "diskshim.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <time.h>

/* One record; path, second path and data follow it. tests/kit/diskshim.py reads and writes the same. */
struct __attribute__((packed)) header {
    uint32_t magic, op;
    uint64_t inode, offset, length;
    uint32_t flags, path_bytes, second_bytes, data_bytes;
};

struct fault {
    char call[24], path[128];
    enum action action;
    int error, delay_ms, from, exact;
    double chance;
    long seen;
};

static char root[PATH_MAX];
static size_t root_bytes;
static const char *armed_file, *record_file;
static int record_fd = -1, count_fd = -1, record_pid;
static long kill_at, counter;
static char kill_when;
static struct fault faults[16];
static int fault_count;
static unsigned seed = 1;
static int die_after, die_half;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct {
    const char *name;
    int number;
} errors[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC},         {"EDQUOT", EDQUOT}, {"EROFS", EROFS},
              {"EINTR", EINTR},   {"EACCES", EACCES},         {"EPERM", EPERM},   {"EMFILE", EMFILE},
              {"ENFILE", ENFILE}, {"EFBIG", EFBIG},           {"EMLINK", EMLINK}, {"EXDEV", EXDEV},
              {"EBUSY", EBUSY},   {"EOPNOTSUPP", EOPNOTSUPP}, {"EINVAL", EINVAL}, {"ENOENT", ENOENT},
              {"ESTALE", ESTALE}};

static void give_up(const char *why) {
    dprintf(2, "diskshim: %s\n", why);
    _exit(120);
}

static void parse_fault(char *text) {
    struct fault *f = &faults[fault_count++];
    char *rest = text, *call = strsep(&rest, ":"), *what = strsep(&rest, ":"), *nth = strsep(&rest, ":");
    if (fault_count > 15 || !what || !nth) give_up("HOWDAH_SHIM_FAULT is call:what:nth[:path]");
    snprintf(f->call, sizeof f->call, "%s", call);
    snprintf(f->path, sizeof f->path, "%s", rest ? rest : "");
    f->action = REFUSE;
    if (!strcmp(what, "SHORT")) f->action = SHORT;
    else if (!strcmp(what, "FLIP")) f->action = FLIP;
    else if (!strcmp(what, "LIE")) f->action = LIE;
    else if (!strncmp(what, "DELAY", 5)) f->action = GO, f->delay_ms = atoi(what + 5);
    else {
        for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
            if (!strcmp(what, errors[i].name)) f->error = errors[i].number;
        if (!f->error) give_up("unknown error name in HOWDAH_SHIM_FAULT");
    }
    if (*nth == '~') f->chance = atof(nth + 1);
    else if (*nth == '*') f->from = 1;
    else f->from = atoi(nth), f->exact = !strchr(nth, '+');
}

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }

static void set_kill(const char *text) {
    const char *when = strchr(text, ':');
    kill_at = atol(text);
    if (!when || !strchr("bah", kill_when = when[1])) give_up("HOWDAH_SHIM_KILL is N:before|after|half");
}

static void set_faults(const char *text) {
    char *copy = strdup(text), *rest = copy, *one;
    while ((one = strsep(&rest, ",")))
        if (*one) parse_fault(one);
    free(copy);
}

static void set_count(const char *text) {
    count_fd = (int)syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (count_fd < 0) give_up("cannot open HOWDAH_SHIM_COUNT");
}

static void start(void) {
    const char *text = getenv("HOWDAH_SHIM_ROOT");
    if (!text || !realpath(text, root)) return;
    root_bytes = strlen(root);
    armed_file = getenv("HOWDAH_SHIM_ARMED");
    record_file = getenv("HOWDAH_SHIM_RECORD");
    if ((text = getenv("HOWDAH_SHIM_SEED"))) seed = (unsigned)atoi(text);
    if ((text = getenv("HOWDAH_SHIM_KILL"))) set_kill(text);
    if ((text = getenv("HOWDAH_SHIM_FAULT"))) set_faults(text);
    if ((text = getenv("HOWDAH_SHIM_COUNT"))) set_count(text);
    pthread_atfork(before_fork, after_fork, after_fork);
}

/* In a forked child: count from here on, with these orders in place of the environment's. NULL for none. */
EXPORT void howdah_shim_arm(const char *kill, const char *fault, const char *count, const char *armed) {
    pthread_once(&once, start);
    counter = kill_at = fault_count = 0;
    count_fd = -1;
    armed_file = armed ? strdup(armed) : NULL;
    if (kill) set_kill(kill);
    if (fault) set_faults(fault);
    if (count) set_count(count);
}

int watching(void) {
    pthread_once(&once, start);
    return root_bytes > 0;
}

/* --- where is it ------------------------------------------------------------------------------- */

/* The path below the root ("" for the root itself), or NULL when it lies outside. */
static char *below(char *path) {
    if (strncmp(path, root, root_bytes)) return NULL;
    if (path[root_bytes] == '/') return path + root_bytes + 1;
    return path[root_bytes] ? NULL : path + root_bytes;
}

char *fd_path(int fd, char *buffer) {
    char link[32];
    int saved = errno;
    if (!watching() || fd < 0) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, buffer, PATH_MAX - 1);
    errno = saved;
    if (n <= 0) return NULL;
    buffer[n] = 0;
    if (n > 10 && !strcmp(buffer + n - 10, " (deleted)")) buffer[n - 10] = 0;
    return below(buffer);
}

/* Resolves all but the last component as the kernel does (links, "..", dirfd), by opening the parent. */
char *name_path(int dirfd, const char *name, char *buffer) {
    char parent[PATH_MAX], last[NAME_MAX + 1];
    int saved = errno;
    if (!watching() || !name || !*name || strlen(name) >= PATH_MAX) return NULL;
    strcpy(parent, name);
    size_t n = strlen(parent);
    while (n > 1 && parent[n - 1] == '/') parent[--n] = 0;
    char *slash = strrchr(parent, '/'), *base = slash ? slash + 1 : parent;
    if (strlen(base) > NAME_MAX || !*base || !strcmp(base, ".") || !strcmp(base, "..")) return NULL;
    strcpy(last, base);
    if (slash) slash[slash == parent ? 1 : 0] = 0;
    int fd = (int)syscall(SYS_openat, dirfd, slash ? parent : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    char *inside = fd < 0 ? NULL : fd_path(fd, buffer);
    if (fd >= 0) close(fd);
    errno = saved;
    if (!inside || strlen(buffer) + strlen(last) + 2 > PATH_MAX) return NULL;
    strcat(strcat(buffer, "/"), last);
    return below(buffer);
}

uint64_t inode_of_fd(int fd) {
    struct stat s;
    return fstat(fd, &s) ? 0 : s.st_ino;
}
uint64_t inode_of(int dirfd, const char *name, int flags) {
    struct stat s;
    return fstatat(dirfd, name, &s, flags) ? 0 : s.st_ino;
}

/* --- count, kill, fail ------------------------------------------------------------------------- */

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int open_record(void) {
    if (!record_file) return -1;
    if (record_pid !=
        getpid()) { /* after a fork too: an flock belongs to the open file, not to the process */
        if (record_fd >= 0) close(record_fd);
        record_pid = getpid();
        record_fd =
            (int)syscall(SYS_openat, AT_FDCWD, record_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (record_fd < 0) give_up("cannot open HOWDAH_SHIM_RECORD");
    }
    return record_fd;
}

static void count_line(const char *name, const char *class, const char *path, size_t length) {
    char line[3 * PATH_MAX + 128];
    int n = snprintf(line, 96, "%ld\t%s\t%s\t", counter, name, class);
    for (const unsigned char *c = (const unsigned char *)path; *c; c++)
        n += sprintf(line + n, *c <= ' ' || *c == '%' || *c >= 127 ? "%%%02X" : "%c", *c);
    n += sprintf(line + n, "\t%zu\n", length);
    if (syscall(SYS_write, count_fd, line, (size_t)n) != n) give_up("cannot write HOWDAH_SHIM_COUNT");
}

static enum action choose_fault(const char *name, const char *class, const char *path, int *delay_ms) {
    for (struct fault *f = faults; f < faults + fault_count; f++) {
        if (strcmp(f->call, "*") && strcmp(f->call, name) && strcmp(f->call, class)) continue;
        if (*f->path && !strstr(path, f->path)) continue;
        f->seen++;
        if (f->chance > 0 ? rand_r(&seed) >= f->chance * RAND_MAX
            : f->exact    ? f->seen != f->from
                          : f->seen < f->from)
            continue;
        if (f->delay_ms) *delay_ms = f->delay_ms;
        else {
            if (f->error) errno = f->error;
            return f->action;
        }
    }
    return GO;
}

/* Takes the lock; what it answers is to be done with the call. REFUSE comes with errno set. */
enum action begin(const char *name, const char *class, const char *path, size_t length) {
    int delay_ms = 0;
    enum action action = GO;
    pthread_mutex_lock(&lock);
    die_after = die_half = 0;
    if (!armed_file || !access(armed_file, F_OK)) {
        counter++;
        if (count_fd >= 0) count_line(name, class, path, length);
        if (kill_at == counter) {
            if (kill_when == 'b' || (kill_when == 'h' && strcmp(class, "write"))) die();
            die_after = kill_when == 'a', die_half = kill_when == 'h';
        }
        action = choose_fault(name, class, path, &delay_ms);
    }
    if (delay_ms) { /* a slow disk holds up this thread, not every other one */
        struct timespec rest = {delay_ms / 1000, delay_ms % 1000 * 1000000L};
        int error = errno;
        pthread_mutex_unlock(&lock);
        while (nanosleep(&rest, &rest)) {}
        pthread_mutex_lock(&lock);
        errno = error;
    }
    int error = errno;
    if (open_record() >= 0) flock(record_fd, LOCK_EX);
    errno = error;
    return action;
}

long end(long result) {
    int error = errno;
    if (die_after || die_half) die();
    if (record_fd >= 0 && record_pid == getpid()) flock(record_fd, LOCK_UN);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int half_wanted(void) { return die_half; }
int recording(void) { return record_fd >= 0; }

void record(enum op op, uint64_t inode, const char *path, const char *second, uint64_t offset,
            uint64_t length, uint32_t flags, const void *data, size_t data_bytes) {
    if (record_fd < 0) return;
    struct header h = {0x31574f48u,
                       op,
                       inode,
                       offset,
                       length,
                       flags,
                       (uint32_t)strlen(path),
                       (uint32_t)strlen(second),
                       (uint32_t)data_bytes};
    struct iovec parts[] = {{&h, sizeof h},
                            {(void *)path, h.path_bytes},
                            {(void *)second, h.second_bytes},
                            {(void *)data, data_bytes}};
    size_t all = sizeof h + h.path_bytes + h.second_bytes + data_bytes;
    if (syscall(SYS_writev, record_fd, parts, 4) != (long)all) give_up("cannot write HOWDAH_SHIM_RECORD");
}

/* O_SYNC and O_DSYNC descriptors: each write is its own sync. */
void record_write(int fd, const char *path, uint64_t offset, const void *data, size_t bytes) {
    record(OP_WRITE, inode_of_fd(fd), path, "", offset, bytes, 0, data, bytes);
    if (fcntl(fd, F_GETFL) & O_DSYNC) record(OP_FDATASYNC, inode_of_fd(fd), path, "", 0, 0, 0, NULL, 0);
}

/* Bytes the kernel copied by itself: read back what now stands there. */
void record_copied(int fd, const char *path, uint64_t offset, size_t bytes) {
    char link[32], *data;
    if (record_fd < 0 || !bytes) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int in = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
    if (in < 0 || !(data = malloc(bytes))) give_up("cannot read back a copy");
    for (size_t at = 0; at < bytes;) {
        ssize_t n = pread(in, data + at, bytes - at, (off_t)(offset + at));
        if (n <= 0) give_up("cannot read back a copy");
        at += (size_t)n;
    }
    close(in);
    record_write(fd, path, offset, data, bytes);
    free(data);
}
