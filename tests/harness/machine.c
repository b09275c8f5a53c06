/* A machine whose clock jumps and whose disk is slow, for a program that knows nothing of it: loaded before the C library, it answers for
 * the wall clock and for syncing, by what stands in two files at that moment. The files are named by MACHINE_CLOCK (seconds to add) and
 * MACHINE_SYNC (milliseconds that each sync takes besides). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long said(const char *variable)
{
    const char *path = getenv(variable);
    char text[32];
    if (path == NULL)
        return 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    text[length > 0 ? length : 0] = 0;
    return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL)
        real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (failed == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += said("MACHINE_CLOCK");
    return failed;
}

static int synced(const char *name, int file)
{
    usleep((useconds_t)said("MACHINE_SYNC") * 1000);
    int (*real)(int) = dlsym(RTLD_NEXT, name);
    return real(file);
}

int fsync(int file)
{
    return synced("fsync", file);
}

int fdatasync(int file)
{
    return synced("fdatasync", file);
}
