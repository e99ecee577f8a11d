/* Stands between a program and the C library's file calls, for paths under one folder.
 *
 *   diskfault_watch(folder, log)   every change to a file under folder is appended to log
 *   diskfault_arm(kind, after, count)   after so many writes or syncs, the next count of them fail:
 *                                  kind 1 = ENOSPC on what takes space, 2 = EIO on fsync, 3 = EIO
 *                                  on writes; kind 0 disarms
 *   diskfault_calls()              writes and syncs seen since it was last armed
 *   diskfault_fired()              failures given since it was last armed
 *   diskfault_note(text)           appends a mark of the program's own to the log
 *
 * A log entry is: kind byte, two 32-bit lengths (path, data), a 64-bit offset, path, data.
 * Loaded with LD_PRELOAD; not thread-safe beyond the one thread that owns the files.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

static char watched[PATH_MAX];
static size_t watched_length;
static int log_fd = -1;
static int fault_kind;
static long fault_after, fault_count, calls, fired;

void diskfault_watch(const char *folder, const char *log)
{
    if (log_fd >= 0) close(log_fd);
    log_fd = -1;
    watched_length = strlen(folder);
    memcpy(watched, folder, watched_length + 1);
    if (log && *log) log_fd = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

void diskfault_arm(int kind, long after, long count)
{
    fault_kind = kind; fault_after = after; fault_count = count; calls = 0; fired = 0;
}

long diskfault_calls(void) { return calls; }
long diskfault_fired(void) { return fired; }

static void note(char kind, const char *path, const void *data, uint32_t length, int64_t offset)
{
    static typeof(&write) real;
    uint32_t name = (uint32_t)strlen(path);
    char head[17];
    if (log_fd < 0) return;
    if (!real) real = REAL(write);
    head[0] = kind;
    memcpy(head + 1, &name, 4); memcpy(head + 5, &length, 4); memcpy(head + 9, &offset, 8);
    if (real(log_fd, head, sizeof head) < 0 || real(log_fd, path, name) < 0) _exit(99);
    if (length && data && real(log_fd, data, length) < 0) _exit(99);
}

void diskfault_note(const char *text) { note('N', "", text, (uint32_t)strlen(text), 0); }

static int is_watched(const char *path)
{
    return watched_length && strncmp(path, watched, watched_length) == 0;
}

static int path_of(int fd, char *path)
{
    char link[64];
    ssize_t length;
    if (!watched_length || fd == log_fd) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_watched(path);
}

static int fails(int is_sync, int takes_space)
{
    long now = calls++;
    if (!fault_kind || now < fault_after || now >= fault_after + fault_count) return 0;
    if (fault_kind == 1 && !takes_space) return 0;
    if (fault_kind == 2 && !is_sync) return 0;
    if (fault_kind == 3 && is_sync) return 0;
    fired++;
    errno = fault_kind == 1 ? ENOSPC : EIO;
    return 1;
}

#define WRITER(name, offset_type)                                                        \
    ssize_t name(int fd, const void *data, size_t length, offset_type offset)            \
    {                                                                                    \
        static typeof(&name) real;                                                       \
        char path[PATH_MAX];                                                             \
        ssize_t done;                                                                    \
        if (!real) real = REAL(name);                                                    \
        if (!path_of(fd, path)) return real(fd, data, length, offset);                   \
        if (fails(0, 1)) return -1;                                                      \
        done = real(fd, data, length, offset);                                           \
        if (done > 0) note('W', path, data, (uint32_t)done, offset);                     \
        return done;                                                                     \
    }
WRITER(pwrite, off_t)
WRITER(pwrite64, off64_t)

ssize_t write(int fd, const void *data, size_t length)
{
    static typeof(&write) real;
    char path[PATH_MAX];
    ssize_t done;
    off_t at;
    if (!real) real = REAL(write);
    if (!path_of(fd, path)) return real(fd, data, length);
    if (fails(0, 1)) return -1;
    at = lseek(fd, 0, SEEK_CUR);
    done = real(fd, data, length);
    if (done > 0) note('W', path, data, (uint32_t)done, at);
    return done;
}

#define SYNCER(name)                                                                     \
    int name(int fd)                                                                     \
    {                                                                                    \
        static typeof(&name) real;                                                       \
        char path[PATH_MAX];                                                             \
        int result;                                                                      \
        if (!real) real = REAL(name);                                                    \
        if (!path_of(fd, path)) return real(fd);                                         \
        if (fails(1, 0)) return -1;                                                      \
        result = real(fd);                                                               \
        if (result == 0) note('S', path, 0, 0, 0);                                       \
        return result;                                                                   \
    }
SYNCER(fsync)
SYNCER(fdatasync)

#define TRUNCATER(name, offset_type)                                                     \
    int name(int fd, offset_type size)                                                   \
    {                                                                                    \
        static typeof(&name) real;                                                       \
        char path[PATH_MAX];                                                             \
        int result;                                                                      \
        if (!real) real = REAL(name);                                                    \
        if (!path_of(fd, path)) return real(fd, size);                                   \
        result = real(fd, size);                                                         \
        if (result == 0) note('T', path, 0, 0, size);                                    \
        return result;                                                                   \
    }
TRUNCATER(ftruncate, off_t)
TRUNCATER(ftruncate64, off64_t)

#define ALLOCATER(name, offset_type)                                                     \
    int name(int fd, offset_type offset, offset_type size)                               \
    {                                                                                    \
        static typeof(&name) real;                                                       \
        char path[PATH_MAX];                                                             \
        int result;                                                                      \
        if (!real) real = REAL(name);                                                    \
        if (!path_of(fd, path)) return real(fd, offset, size);                           \
        if (fails(0, 1)) return errno;                                                   \
        result = real(fd, offset, size);                                                 \
        if (result == 0) note('T', path, 0, 0, offset + size);                           \
        return result;                                                                   \
    }
ALLOCATER(posix_fallocate, off_t)
ALLOCATER(posix_fallocate64, off64_t)

#define OPENER(name)                                                                     \
    int name(const char *path, int flags, ...)                                           \
    {                                                                                    \
        static typeof(&name) real;                                                       \
        mode_t mode = 0;                                                                 \
        int fd, was;                                                                     \
        struct stat seen;                                                                \
        if (flags & (O_CREAT | O_TMPFILE)) {                                             \
            va_list rest;                                                                \
            va_start(rest, flags);                                                       \
            mode = va_arg(rest, mode_t);                                                 \
            va_end(rest);                                                                \
        }                                                                                \
        if (!real) real = REAL(name);                                                    \
        if (!is_watched(path)) return real(path, flags, mode);                           \
        was = stat(path, &seen) == 0;                                                    \
        fd = real(path, flags, mode);                                                    \
        if (fd >= 0 && !was) note('C', path, 0, 0, 0);                                   \
        else if (fd >= 0 && (flags & O_TRUNC)) note('T', path, 0, 0, 0);                 \
        return fd;                                                                       \
    }
OPENER(open)
OPENER(open64)

int unlink(const char *path)
{
    static typeof(&unlink) real;
    int result;
    if (!real) real = REAL(unlink);
    result = real(path);
    if (result == 0 && is_watched(path)) note('U', path, 0, 0, 0);
    return result;
}

int rename(const char *from, const char *to)
{
    static typeof(&rename) real;
    int result;
    if (!real) real = REAL(rename);
    result = real(from, to);
    if (result == 0 && is_watched(from)) note('R', from, to, (uint32_t)strlen(to), 0);
    return result;
}
