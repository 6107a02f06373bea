/* Calls that change what a file holds: writes, copies, size, clones; and the syncs that make it last. */
#include "diskshim.h"
#include <linux/fs.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

/* --- writes ------------------------------------------------------------------------------------ */

static ssize_t put(int fd, const void *data, size_t bytes, int positioned, off_t offset) {
    return positioned ? syscall(SYS_pwrite64, fd, data, bytes, offset) : syscall(SYS_write, fd, data, bytes);
}

static ssize_t write_one(const char *name, int fd, const void *data, size_t bytes, int positioned,
                         off_t offset) {
    char buffer[PATH_MAX], *path = fd_path(fd, buffer), *wrong = NULL;
    if (!path) return put(fd, data, bytes, positioned, offset);
    enum action action = begin(name, "write", path, bytes);
    if (action == REFUSE) return end(-1);
    if (action == LIE) return end((long)bytes);
    if ((action == SHORT || half_wanted()) && bytes > 1) bytes /= 2;
    if (action == FLIP && bytes && (wrong = malloc(bytes))) {
        memcpy(wrong, data, bytes);
        wrong[bytes / 2] ^= 1;
        data = wrong;
    }
    ssize_t n = put(fd, data, bytes, positioned, offset);
    if (n > 0 && recording()) {
        struct stat s;
        int flags = fcntl(fd, F_GETFL);
        if (flags & O_APPEND && !fstat(fd, &s)) offset = s.st_size - n; /* Linux appends even with pwrite */
        else if (!positioned) offset = lseek(fd, 0, SEEK_CUR) - n;
        record_write(fd, path, (uint64_t)offset, data, (size_t)n);
    }
    free(wrong);
    return end(n);
}

/* Gathered into one buffer, so that one call stays one counted write. */
static ssize_t write_many(const char *name, int fd, const struct iovec *parts, int count, int positioned,
                          off_t offset) {
    size_t all = 0, at = 0;
    for (int i = 0; i < count; i++) all += parts[i].iov_len;
    char *data = malloc(all ? all : 1);
    if (!data) {
        errno = ENOMEM;
        return -1;
    }
    for (int i = 0; i < count; at += parts[i++].iov_len)
        memcpy(data + at, parts[i].iov_base, parts[i].iov_len);
    ssize_t n = write_one(name, fd, data, all, positioned, offset);
    free(data);
    return n;
}

EXPORT ssize_t write(int fd, const void *data, size_t bytes) {
    return write_one("write", fd, data, bytes, 0, 0);
}
EXPORT ssize_t pwrite64(int fd, const void *data, size_t bytes, off_t offset) {
    return write_one("pwrite", fd, data, bytes, 1, offset);
}
EXPORT ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) {
    return write_one("pwrite", fd, data, bytes, 1, offset);
}
EXPORT ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    char buffer[PATH_MAX];
    if (!fd_path(fd, buffer)) return syscall(SYS_pwritev2, fd, parts, (long)count, offset, 0L, flags);
    return write_many("pwritev", fd, parts, count, offset != -1, offset);
}
EXPORT ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    return pwritev64v2(fd, parts, count, offset, flags);
}
EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
    char buffer[PATH_MAX];
    if (!fd_path(fd, buffer)) return syscall(SYS_pwritev, fd, parts, (long)count, offset, 0L);
    return write_many("pwritev", fd, parts, count, 1, offset);
}
EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return pwritev64(fd, parts, count, offset);
}
EXPORT ssize_t writev(int fd, const struct iovec *parts, int count) {
    char buffer[PATH_MAX];
    if (!fd_path(fd, buffer)) return syscall(SYS_writev, fd, parts, (long)count);
    return write_many("writev", fd, parts, count, 0, 0);
}

/* The kernel moves the bytes: no data to flip, but half of them can be asked for. */
static ssize_t moved(const char *name, long number, int out, long a, long b, long c, long d, size_t bytes,
                     off_t *out_offset) {
    char buffer[PATH_MAX], *path = fd_path(out, buffer);
    int copying = number == SYS_copy_file_range;
    if (!path)
        return copying ? syscall(number, a, b, (long)out, d, bytes, c)
                       : syscall(number, (long)out, a, b, bytes);
    enum action action = begin(name, "write", path, bytes);
    if (action == REFUSE) return end(-1);
    if (action == LIE) return end((long)bytes);
    if ((action == SHORT || half_wanted()) && bytes > 1) bytes /= 2;
    off_t offset = out_offset ? *out_offset : lseek(out, 0, SEEK_CUR);
    ssize_t n =
        copying ? syscall(number, a, b, (long)out, d, bytes, c) : syscall(number, (long)out, a, b, bytes);
    if (n > 0) record_copied(out, path, (uint64_t)offset, (size_t)n);
    return end(n);
}
EXPORT ssize_t copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t bytes, unsigned flags) {
    return moved("copy_file_range", SYS_copy_file_range, out, in, (long)in_at, flags, (long)out_at, bytes,
                 out_at);
}
EXPORT ssize_t sendfile64(int out, int in, off_t *at, size_t bytes) {
    return moved("sendfile", SYS_sendfile, out, in, (long)at, 0, 0, bytes, NULL);
}
EXPORT ssize_t sendfile(int out, int in, off_t *at, size_t bytes) { return sendfile64(out, in, at, bytes); }

/* --- size -------------------------------------------------------------------------------------- */

static int resize(int fd, off_t size) {
    char buffer[PATH_MAX], *path = fd_path(fd, buffer);
    if (!path) return (int)syscall(SYS_ftruncate, fd, size);
    enum action action = begin("ftruncate", "size", path, (size_t)size);
    if (action == REFUSE || action == LIE) return (int)end(action == LIE ? 0 : -1);
    long result = syscall(SYS_ftruncate, fd, size);
    if (!result) record(OP_TRUNCATE, inode_of_fd(fd), path, "", 0, (uint64_t)size, 0, NULL, 0);
    return (int)end(result);
}
EXPORT int ftruncate(int fd, off_t size) { return resize(fd, size); }
EXPORT int ftruncate64(int fd, off_t size) { return resize(fd, size); }

EXPORT int truncate64(const char *name, off_t size) {
    char buffer[PATH_MAX], *path = name_path(AT_FDCWD, name, buffer);
    if (!path) return (int)syscall(SYS_truncate, name, size);
    enum action action = begin("truncate", "size", path, (size_t)size);
    if (action == REFUSE || action == LIE) return (int)end(action == LIE ? 0 : -1);
    long result = syscall(SYS_truncate, name, size);
    if (!result) record(OP_TRUNCATE, inode_of(AT_FDCWD, name, 0), path, "", 0, (uint64_t)size, 0, NULL, 0);
    return (int)end(result);
}
EXPORT int truncate(const char *name, off_t size) { return truncate64(name, size); }

static int allocate(const char *called, int fd, int mode, off_t offset, off_t length) {
    char buffer[PATH_MAX], *path = fd_path(fd, buffer);
    if (!path) return (int)syscall(SYS_fallocate, fd, mode, offset, length);
    enum action action = begin(called, "size", path, (size_t)length);
    if (action == REFUSE || action == LIE) return (int)end(action == LIE ? 0 : -1);
    long result = syscall(SYS_fallocate, fd, mode, offset, length);
    if (!result)
        record(OP_FALLOCATE, inode_of_fd(fd), path, "", (uint64_t)offset, (uint64_t)length, (uint32_t)mode,
               NULL, 0);
    return (int)end(result);
}
EXPORT int fallocate(int fd, int mode, off_t offset, off_t length) {
    return allocate("fallocate", fd, mode, offset, length);
}
EXPORT int fallocate64(int fd, int mode, off_t offset, off_t length) {
    return allocate("fallocate", fd, mode, offset, length);
}

/* Answers the error itself. libc's slow imitation for disks without fallocate is not imitated. */
EXPORT int posix_fallocate64(int fd, off_t offset, off_t length) {
    int saved = errno, result = allocate("posix_fallocate", fd, 0, offset, length) ? errno : 0;
    errno = saved;
    return result;
}
EXPORT int posix_fallocate(int fd, off_t offset, off_t length) {
    return posix_fallocate64(fd, offset, length);
}

EXPORT int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    char buffer[PATH_MAX], *path = NULL;
    if (request == FICLONE || request == FICLONERANGE) path = fd_path(fd, buffer);
    if (!path) return (int)syscall(SYS_ioctl, fd, request, argument);
    enum action action = begin("ioctl", "write", path, 0);
    if (action == REFUSE || action == LIE) return (int)end(action == LIE ? 0 : -1);
    long result = syscall(SYS_ioctl, fd, request, argument);
    struct stat s;
    if (!result && recording() && !fstat(fd, &s)) {
        struct file_clone_range whole = {0, 0, 0, 0}, *r = request == FICLONE ? &whole : argument;
        if (request == FICLONE) record(OP_TRUNCATE, s.st_ino, path, "", 0, (uint64_t)s.st_size, 0, NULL, 0);
        record_copied(fd, path, r->dest_offset,
                      r->src_length ? r->src_length : (size_t)s.st_size - r->dest_offset);
    }
    return (int)end(result);
}

/* --- syncs ------------------------------------------------------------------------------------- */

static int sync_one(const char *called, long number, enum op op, int fd) {
    char buffer[PATH_MAX], *path = fd_path(fd, buffer);
    if (!path) return (int)syscall(number, fd);
    enum action action = begin(called, "sync", path, 0);
    if (action == LIE) return (int)end(0);
    if (action == REFUSE) {
        int error = errno;
        record(OP_FAILED_SYNC, inode_of_fd(fd), path, "", 0, 0, 0, NULL, 0);
        errno = error;
        return (int)end(-1);
    }
    long result = syscall(number, fd);
    if (!result) record(op, inode_of_fd(fd), path, "", 0, 0, 0, NULL, 0);
    return (int)end(result);
}
EXPORT int fsync(int fd) { return sync_one("fsync", SYS_fsync, OP_FSYNC, fd); }
EXPORT int fdatasync(int fd) { return sync_one("fdatasync", SYS_fdatasync, OP_FDATASYNC, fd); }
EXPORT int syncfs(int fd) { return sync_one("syncfs", SYS_syncfs, OP_SYNC, fd); }
EXPORT void sync(void) {
    if (!watching()) {
        syscall(SYS_sync);
        return;
    }
    if (begin("sync", "sync", "", 0) == GO) {
        syscall(SYS_sync);
        record(OP_SYNC, 0, "", "", 0, 0, 0, NULL, 0);
    }
    end(0);
}
