/* System calls that go wrong when told to: preloaded into a program (tests/faults.py).
 *
 * Calls that change something below a folder are counted. From the `at`-th of the chosen kinds on,
 * `often` of them fail with `error`, or the process gets `sign` before or after the first of them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { MAKES = 1, WRITES = 2, NAMES = 4, REMOVES = 8, MODES = 16 };

static char under[PATH_MAX];
static int at, often, error, kinds, sign, after, seen;

void fault(const char *folder, int which, int number, int times, int code, int signal_, int late) {
    strncpy(under, folder, sizeof under - 1);
    kinds = which; at = number; often = times; error = code; sign = signal_; after = late; seen = 0;
}

int faults_seen(void) { return seen; }

__attribute__((constructor)) static void from_environment(void) {
    const char *told = getenv("FAULT");
    char folder[PATH_MAX] = "";
    int a, b, c, d, e, f;
    if (told && sscanf(told, "%d %d %d %d %d %d %4000[^\n]", &a, &b, &c, &d, &e, &f, folder) == 7)
        fault(folder, a, b, c, d, e, f);
}

static int is_below(const char *path) {
    char whole[PATH_MAX];
    if (!under[0]) return 0;
    if (path[0] != '/') {
        if (!getcwd(whole, sizeof whole)) return 0;
        path = whole;
    }
    return strncmp(path, under, strlen(under)) == 0;
}

static int of_descriptor(int number) {
    char link[64], path[PATH_MAX];
    if (!under[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", number);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return strncmp(path, under, strlen(under)) == 0;
}

static int counted(int kind, int below) {
    if (!(kinds & kind) || !below) return 0;
    ++seen;
    if (at == 0 || seen < at || seen >= at + often) return 0;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define CALL(kind, below, failed, ...)                                                     \
    do {                                                                                   \
        int goes_wrong = counted(kind, below);                                             \
        if (goes_wrong && sign && !after) raise(sign);                       \
        if (goes_wrong && error) { errno = error; return failed; }                         \
        __typeof__(__VA_ARGS__) result = __VA_ARGS__;                                      \
        int kept = errno;                                                                  \
        if (goes_wrong && sign && after) raise(sign);                        \
        errno = kept;                                                                      \
        return result;                                                                     \
    } while (0)

#define OPENING(name)                                                                      \
    int name(const char *path, int flags, ...) {                                           \
        va_list more; va_start(more, flags);                                               \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0;          \
        va_end(more);                                                                      \
        CALL(MAKES, (flags & (O_CREAT | O_TRUNC)) && is_below(path), -1,                   \
             REAL(name)(path, flags, mode));                                               \
    }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name)                                                                   \
    int name(int folder, const char *path, int flags, ...) {                               \
        va_list more; va_start(more, flags);                                               \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0;          \
        va_end(more);                                                                      \
        CALL(MAKES, (flags & (O_CREAT | O_TRUNC)) && is_below(path), -1,                   \
             REAL(name)(folder, path, flags, mode));                                       \
    }
OPENING_AT(openat)
OPENING_AT(openat64)

FILE *fopen64(const char *path, const char *mode) {
    CALL(MAKES, mode[0] != 'r' && is_below(path), NULL, REAL(fopen64)(path, mode));
}
FILE *fopen(const char *path, const char *mode) {
    CALL(MAKES, mode[0] != 'r' && is_below(path), NULL, REAL(fopen)(path, mode));
}
ssize_t write(int number, const void *data, size_t size) {
    CALL(WRITES, of_descriptor(number), -1, REAL(write)(number, data, size));
}
ssize_t pwrite(int number, const void *data, size_t size, off_t where) {
    CALL(WRITES, of_descriptor(number), -1, REAL(pwrite)(number, data, size, where));
}
ssize_t pwrite64(int number, const void *data, size_t size, off64_t where) {
    CALL(WRITES, of_descriptor(number), -1, REAL(pwrite64)(number, data, size, where));
}
int fsync(int number) { CALL(WRITES, of_descriptor(number), -1, REAL(fsync)(number)); }
int fdatasync(int number) { CALL(WRITES, of_descriptor(number), -1, REAL(fdatasync)(number)); }
int ftruncate(int number, off_t size) {
    CALL(WRITES, of_descriptor(number), -1, REAL(ftruncate)(number, size));
}
int ftruncate64(int number, off64_t size) {
    CALL(WRITES, of_descriptor(number), -1, REAL(ftruncate64)(number, size));
}
int mkdir(const char *path, mode_t mode) {
    CALL(MAKES, is_below(path), -1, REAL(mkdir)(path, mode));
}
int link(const char *from, const char *to) {
    CALL(MAKES, is_below(to), -1, REAL(link)(from, to));
}
int symlink(const char *from, const char *to) {
    CALL(MAKES, is_below(to), -1, REAL(symlink)(from, to));
}
int rename(const char *from, const char *to) {
    CALL(NAMES, is_below(to), -1, REAL(rename)(from, to));
}
int unlink(const char *path) { CALL(REMOVES, is_below(path), -1, REAL(unlink)(path)); }
int rmdir(const char *path) { CALL(REMOVES, is_below(path), -1, REAL(rmdir)(path)); }
int chmod(const char *path, mode_t mode) { CALL(MODES, is_below(path), -1, REAL(chmod)(path, mode)); }
int fchmod(int number, mode_t mode) {
    CALL(MODES, of_descriptor(number), -1, REAL(fchmod)(number, mode));
}
int chown(const char *path, uid_t user, gid_t group) {
    CALL(MODES, is_below(path), -1, REAL(chown)(path, user, group));
}
