/* The wall clock of the process into which this is loaded, off by as many microseconds as a file says at the moment;
   and which cannot be read the next time that the thread named in the file reads it. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct file {
    volatile int64_t offset_us;
    /* Empty if the clock can be read; emptied by the thread that cannot. */
    _Atomic char first_of_name;
    char rest_of_name[15];
} *wrong;

__attribute__((constructor)) static void find_offset(void) {
    const char *path = getenv("WRONG_CLOCK_FILE");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        abort();
    void *mapped = mmap(NULL, sizeof *wrong, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
        abort();
    wrong = mapped;
    close(file);
}

static int cannot_be_read(void) {
    char first = atomic_load(&wrong->first_of_name);
    char name[16];
    return first && !pthread_getname_np(pthread_self(), name, sizeof name) && name[0] == first &&
           !strncmp(name + 1, wrong->rest_of_name, sizeof wrong->rest_of_name) &&
           atomic_compare_exchange_strong(&wrong->first_of_name, &first, 0);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (clock == CLOCK_REALTIME && wrong && cannot_be_read()) {
        errno = EINVAL;
        return -1;
    }
    int failed = (int)syscall(SYS_clock_gettime, clock, time);
    if (!failed && clock == CLOCK_REALTIME && wrong) {
        int64_t micros = wrong->offset_us + time->tv_nsec / 1000;
        int64_t seconds = micros / 1000000 - (micros % 1000000 < 0);
        time->tv_sec += seconds;
        time->tv_nsec = (micros - seconds * 1000000) * 1000 + time->tv_nsec % 1000;
    }
    return failed;
}
