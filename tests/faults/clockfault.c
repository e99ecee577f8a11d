/* Says what a test wants to be said of the kernel's clock: whether a time source vouches for it.
 *
 * adjtimex(2) answers that the clock is synchronised while the file named by CLOCKFAULT_VOUCHED
 * exists and the wall clock is wrong by as many seconds as it says; otherwise that nobody vouches
 * for it. Loaded with LD_PRELOAD before libfaketime, which sets the wall clock, and a moment late.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timespec at)
{
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int is_vouched(void)
{
    const char *path = getenv("CLOCKFAULT_VOUCHED");
    FILE *file = path == NULL ? NULL : fopen(path, "r");
    struct timespec shown, true_time;
    double wrong, difference;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%lf", &wrong) != 1) {
        fclose(file);
        return 0;
    }
    fclose(file);
    clock_gettime(CLOCK_REALTIME, &shown);
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &true_time);
    difference = seconds(shown) - seconds(true_time) - wrong;
    return difference > -0.5 && difference < 0.5;
}

int adjtimex(struct timex *timex)
{
    int synchronised = is_vouched();

    memset(timex, 0, sizeof *timex);
    timex->status = synchronised ? STA_PLL : STA_UNSYNC;
    return synchronised ? TIME_OK : TIME_ERROR;
}
