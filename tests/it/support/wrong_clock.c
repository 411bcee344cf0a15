/* The wall clock of the process into which this is loaded, off by as many microseconds as a file says at the moment. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_us;

__attribute__((constructor)) static void find_offset(void) {
    const char *path = getenv("WRONG_CLOCK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        abort();
    void *mapped = mmap(NULL, sizeof *offset_us, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
        abort();
    offset_us = mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int failed = (int)syscall(SYS_clock_gettime, clock, time);
    if (!failed && clock == CLOCK_REALTIME && offset_us) {
        int64_t micros = *offset_us + time->tv_nsec / 1000;
        int64_t seconds = micros / 1000000 - (micros % 1000000 < 0);
        time->tv_sec += seconds;
        time->tv_nsec = (micros - seconds * 1000000) * 1000 + time->tv_nsec % 1000;
    }
    return failed;
}
