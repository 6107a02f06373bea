/* What diskshim.c gives to the wrappers in content.c and names.c. */
#ifndef DISKSHIM_H
#define DISKSHIM_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum op {
    OP_CREATE = 1,
    OP_MKDIR,
    OP_WRITE,
    OP_TRUNCATE,
    OP_FALLOCATE,
    OP_FSYNC,
    OP_FDATASYNC,
    OP_SYNC,
    OP_RENAME,
    OP_LINK,
    OP_UNLINK,
    OP_RMDIR,
    OP_SYMLINK,
    OP_FAILED_SYNC = 15, /* 14 is MARK, which others write */
};
enum action { GO, REFUSE, SHORT, FLIP, LIE };

int watching(void); /* a root is set */

/* The path below the root ("" for the root itself), or NULL when it lies outside. buffer: PATH_MAX. */
char *fd_path(int fd, char *buffer);
char *name_path(int dirfd, const char *name, char *buffer);

/* begin takes the lock and says what is to be done with the call (REFUSE comes with errno set); end
 * gives the lock back and passes the result and errno on. Between them: the call, and record. */
enum action begin(const char *name, const char *class, const char *path, size_t length);
long end(long result);
int half_wanted(void); /* the process is to die after half of this write */
int recording(void);
void record(enum op op, uint64_t inode, const char *path, const char *second, uint64_t offset,
            uint64_t length, uint32_t flags, const void *data, size_t data_bytes);

uint64_t inode_of_fd(int fd);
uint64_t inode_of(int dirfd, const char *name, int flags);
/* A write of bytes that the caller holds, or that the kernel copied by itself (they are read back). */
void record_write(int fd, const char *path, uint64_t offset, const void *data, size_t bytes);
void record_copied(int fd, const char *path, uint64_t offset, size_t bytes);
#endif
