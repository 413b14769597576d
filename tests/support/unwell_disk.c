/* A disk that is read-only or slow to sync, as a process sees it that had its files open before.

   UNWELL_FOLDER is the disk. UNWELL_SWITCH names a file: while it says "read-only", whatever would
   change something on that disk fails with EROFS, also through descriptors that are open already;
   while it says a number, every sync takes that many seconds more. Without the file all is well. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define CHANGES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static int switched(char *text, size_t size) {
    const char *path = getenv("UNWELL_SWITCH");
    int before = errno, n = -1;
    int fd = path ? NEXT(open)(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        n = (int)read(fd, text, size - 1);
        close(fd);
    }
    text[n > 0 ? n : 0] = 0;
    errno = before;
    return n > 0;
}

static int read_only(void) {
    char text[32];
    return switched(text, sizeof text) && !strcmp(text, "read-only");
}

static int on_disk(const char *path) {
    const char *folder = getenv("UNWELL_FOLDER");
    return folder && !strncmp(path, folder, strlen(folder));
}

static int refused_path(const char *path) {
    if (!path || !on_disk(path) || !read_only()) return 0;
    errno = EROFS;
    return 1;
}

static int refused_fd(int fd) {
    char link[64], path[PATH_MAX];
    if (fd <= 2 || !read_only()) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    if (n <= 0 || !on_disk(path)) return 0;
    errno = EROFS;
    return 1;
}

static void linger(void) {
    char text[32];
    double s = switched(text, sizeof text) ? atof(text) : 0.0;
    if (s <= 0.0) return;
    struct timespec left = {(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};
    while (nanosleep(&left, &left) && errno == EINTR) { }
}

#define OPEN(name)                                                                       \
    int name(const char *path, int flags, ...) {                                         \
        va_list more;                                                                    \
        va_start(more, flags);                                                           \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;          \
        va_end(more);                                                                    \
        return (flags & CHANGES) && refused_path(path) ? -1 : NEXT(name)(path, flags, mode); \
    }
#define OPENAT(name)                                                                     \
    int name(int at, const char *path, int flags, ...) {                                 \
        va_list more;                                                                    \
        va_start(more, flags);                                                           \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;          \
        va_end(more);                                                                    \
        return (flags & CHANGES) && refused_path(path) ? -1 : NEXT(name)(at, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

#define BY_FD(type, name, parameters, ...) \
    type name parameters { return refused_fd(fd) ? -1 : NEXT(name)(__VA_ARGS__); }
BY_FD(ssize_t, write, (int fd, const void *x, size_t n), fd, x, n)
BY_FD(ssize_t, writev, (int fd, const struct iovec *x, int n), fd, x, n)
BY_FD(ssize_t, pwrite, (int fd, const void *x, size_t n, off_t at), fd, x, n, at)
BY_FD(ssize_t, pwrite64, (int fd, const void *x, size_t n, off64_t at), fd, x, n, at)
BY_FD(int, ftruncate, (int fd, off_t n), fd, n)
BY_FD(int, ftruncate64, (int fd, off64_t n), fd, n)

#define BY_PATH(name, parameters, ...) \
    int name parameters { return refused_path(path) ? -1 : NEXT(name)(__VA_ARGS__); }
BY_PATH(rename, (const char *path, const char *to), path, to)
BY_PATH(link, (const char *path, const char *to), path, to)
BY_PATH(unlink, (const char *path), path)
BY_PATH(rmdir, (const char *path), path)
BY_PATH(mkdir, (const char *path, mode_t mode), path, mode)

#define SYNC(name)                                  \
    int name(int fd) {                              \
        linger();                                   \
        return refused_fd(fd) ? -1 : NEXT(name)(fd); \
    }
SYNC(fsync)
SYNC(fdatasync)
