/* Calls that change names: create, rename, link, remove, folders, symbolic links. */
#include "diskshim.h"
#include <stdarg.h>
#include <stdio.h>

static const int UNNAMED = O_TMPFILE & ~O_DIRECTORY;

/* Only an open that will create or empty a file counts: SQLite opens its files with O_CREAT each time. */
static int open_one(int dirfd, const char *name, int flags, mode_t mode) {
    char buffer[PATH_MAX], *path = NULL;
    struct stat before;
    int unnamed = (flags & UNNAMED) != 0, existed = 1;
    if (unnamed || flags & (O_CREAT | O_TRUNC)) path = name_path(dirfd, name, buffer);
    if (path && !unnamed) {
        int saved = errno;
        existed = !fstatat(dirfd, name, &before, flags & (O_NOFOLLOW | O_EXCL) ? AT_SYMLINK_NOFOLLOW : 0);
        errno = saved;
        int empties = existed && flags & O_TRUNC && flags & (O_WRONLY | O_RDWR) && before.st_size > 0 &&
                      S_ISREG(before.st_mode) && !(flags & O_EXCL);
        if (!empties && (existed || !(flags & O_CREAT))) path = NULL;
    }
    if (!path) return (int)syscall(SYS_openat, dirfd, name, flags, mode);
    enum action action = begin("open", "name", path, 0);
    if (action == REFUSE) return (int)end(-1);
    int fd = (int)syscall(SYS_openat, dirfd, name, flags, mode);
    if (fd >= 0 && recording()) {
        char real[PATH_MAX], *at = unnamed ? "" : fd_path(fd, real); /* the link's target, if it was one */
        if (at && (unnamed || !existed)) record(OP_CREATE, inode_of_fd(fd), at, "", 0, 0, 0, NULL, 0);
        else if (at) record(OP_TRUNCATE, inode_of_fd(fd), at, "", 0, 0, 0, NULL, 0);
    }
    return (int)end(fd);
}

#define MODE_OF(flags, mode)                                                                                 \
    mode_t mode = 0;                                                                                         \
    if (flags & (O_CREAT | UNNAMED)) {                                                                       \
        va_list rest;                                                                                        \
        va_start(rest, flags);                                                                               \
        mode = va_arg(rest, mode_t);                                                                         \
        va_end(rest);                                                                                        \
    }
EXPORT int open(const char *name, int flags, ...) {
    MODE_OF(flags, mode) return open_one(AT_FDCWD, name, flags, mode);
}
EXPORT int open64(const char *name, int flags, ...) {
    MODE_OF(flags, mode) return open_one(AT_FDCWD, name, flags, mode);
}
EXPORT int openat(int dirfd, const char *name, int flags, ...) {
    MODE_OF(flags, mode) return open_one(dirfd, name, flags, mode);
}
EXPORT int openat64(int dirfd, const char *name, int flags, ...) {
    MODE_OF(flags, mode) return open_one(dirfd, name, flags, mode);
}
EXPORT int creat(const char *name, mode_t mode) {
    return open_one(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
EXPORT int creat64(const char *name, mode_t mode) {
    return open_one(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
/* What _FORTIFY_SOURCE makes of an open without a mode. */
EXPORT int __open_2(const char *name, int flags) { return open_one(AT_FDCWD, name, flags, 0); }
EXPORT int __open64_2(const char *name, int flags) { return open_one(AT_FDCWD, name, flags, 0); }
EXPORT int __openat_2(int dirfd, const char *name, int flags) { return open_one(dirfd, name, flags, 0); }
EXPORT int __openat64_2(int dirfd, const char *name, int flags) { return open_one(dirfd, name, flags, 0); }

/* A move across the root's border is seen as a removal or, from outside, not at all: keep out of that. */
static int move(const char *called, int from_fd, const char *from, int to_fd, const char *to,
                unsigned flags) {
    char buffer[PATH_MAX], second[PATH_MAX];
    char *path = name_path(from_fd, from, buffer), *target = name_path(to_fd, to, second);
    if (!path || !target) return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
    enum action action = begin(called, "name", path, 0);
    if (action == REFUSE || action == LIE) return (int)end(action == LIE ? 0 : -1);
    long result = syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
    if (!result)
        record(OP_RENAME, inode_of(to_fd, to, AT_SYMLINK_NOFOLLOW), path, target, 0, 0, flags, NULL, 0);
    return (int)end(result);
}
EXPORT int rename(const char *from, const char *to) {
    return move("rename", AT_FDCWD, from, AT_FDCWD, to, 0);
}
EXPORT int renameat(int from_fd, const char *from, int to_fd, const char *to) {
    return move("rename", from_fd, from, to_fd, to, 0);
}
EXPORT int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
    return move("rename", from_fd, from, to_fd, to, flags);
}

EXPORT int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
    char buffer[PATH_MAX], *path = name_path(to_fd, to, buffer);
    if (!path) return (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
    enum action action = begin("link", "name", path, 0);
    if (action == REFUSE || action == LIE) return (int)end(action == LIE ? 0 : -1);
    long result = syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
    if (!result) record(OP_LINK, inode_of(to_fd, to, AT_SYMLINK_NOFOLLOW), path, "", 0, 0, 0, NULL, 0);
    return (int)end(result);
}
EXPORT int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

static int removed(int dirfd, const char *name, int flags) {
    char buffer[PATH_MAX], *path = name_path(dirfd, name, buffer);
    if (!path) return (int)syscall(SYS_unlinkat, dirfd, name, flags);
    int folder = flags & AT_REMOVEDIR;
    enum action action = begin(folder ? "rmdir" : "unlink", "name", path, 0);
    if (action == REFUSE || action == LIE) return (int)end(action == LIE ? 0 : -1);
    long result = syscall(SYS_unlinkat, dirfd, name, flags);
    if (!result) record(folder ? OP_RMDIR : OP_UNLINK, 0, path, "", 0, 0, 0, NULL, 0);
    return (int)end(result);
}
EXPORT int unlink(const char *name) { return removed(AT_FDCWD, name, 0); }
EXPORT int unlinkat(int dirfd, const char *name, int flags) { return removed(dirfd, name, flags); }
EXPORT int rmdir(const char *name) { return removed(AT_FDCWD, name, AT_REMOVEDIR); }
EXPORT int remove(const char *name) {
    int result = removed(AT_FDCWD, name, 0);
    return result && errno == EISDIR ? removed(AT_FDCWD, name, AT_REMOVEDIR) : result;
}

EXPORT int mkdirat(int dirfd, const char *name, mode_t mode) {
    char buffer[PATH_MAX], *path = name_path(dirfd, name, buffer);
    if (!path) return (int)syscall(SYS_mkdirat, dirfd, name, mode);
    enum action action = begin("mkdir", "name", path, 0);
    if (action == REFUSE || action == LIE) return (int)end(action == LIE ? 0 : -1);
    long result = syscall(SYS_mkdirat, dirfd, name, mode);
    if (!result) record(OP_MKDIR, inode_of(dirfd, name, AT_SYMLINK_NOFOLLOW), path, "", 0, 0, 0, NULL, 0);
    return (int)end(result);
}
EXPORT int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

EXPORT int symlinkat(const char *target, int dirfd, const char *name) {
    char buffer[PATH_MAX], *path = name_path(dirfd, name, buffer);
    if (!path) return (int)syscall(SYS_symlinkat, target, dirfd, name);
    enum action action = begin("symlink", "name", path, 0);
    if (action == REFUSE || action == LIE) return (int)end(action == LIE ? 0 : -1);
    long result = syscall(SYS_symlinkat, target, dirfd, name);
    if (!result)
        record(OP_SYMLINK, inode_of(dirfd, name, AT_SYMLINK_NOFOLLOW), path, "", 0, 0, 0, target,
               strlen(target));
    return (int)end(result);
}
EXPORT int symlink(const char *target, const char *name) { return symlinkat(target, AT_FDCWD, name); }
