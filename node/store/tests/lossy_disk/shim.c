/* Preloaded into a child process: writes a journal of everything that the child does to files under $LOSSY_ROOT, so that the
 * parent can rebuild what a disk would hold that lost power at any point and with it any write not yet synced.
 *
 * Record: kind u8, path length u16, data length u32, offset u64, path, data (host byte order). Kinds: w write, t truncate
 * (offset is the new length), s sync (fsync, fdatasync), r rename (data is the new path), u unlink. sync_file_range writes no
 * record: it is no barrier. Folders are taken to keep their names in order (a journalling file system). The journal has one writer at a time (a lock), so its order is the order of the operations.
 *
 * $LOSSY_FULL_AFTER: bytes after which every write fails with ENOSPC, as on a full disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t written;

static int journal_fd(void) {
    static int fd = -1;
    const char *path = getenv("LOSSY_JOURNAL");
    if (fd < 0 && path) fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return fd;
}

static int below_root(const char *path) {
    const char *root = getenv("LOSSY_ROOT");
    return root && strncmp(path, root, strlen(root)) == 0;
}

/* The path of an open file if it is to be watched. */
static int watched(int fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    struct stat info;
    return below_root(path) && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

static void record(char kind, const char *path, uint64_t offset, const void *data, size_t size) {
    uint8_t head[15];
    uint16_t path_size = (uint16_t)strlen(path);
    uint32_t data_size = (uint32_t)size;
    head[0] = (uint8_t)kind;
    memcpy(head + 1, &path_size, 2);
    memcpy(head + 3, &data_size, 4);
    memcpy(head + 7, &offset, 8);
    struct iovec parts[3] = {{head, sizeof head}, {(void *)path, path_size}, {(void *)data, size}};
    ssize_t total = (ssize_t)(sizeof head + path_size + size);
    if (writev(journal_fd(), parts, 3) != total) abort();
}

static int is_full(size_t size) {
    const char *limit = getenv("LOSSY_FULL_AFTER");
    written += (int64_t)size;
    return limit && written > atoll(limit);
}

static ssize_t journalled_write(int fd, const void *data, size_t size, int64_t offset) {
    char path[4096];
    int is_watched = watched(fd, path, sizeof path);
    if (is_watched) pthread_mutex_lock(&lock);
    ssize_t done;
    if (is_watched && is_full(size)) {
        errno = ENOSPC;
        done = -1;
    } else if (offset < 0) {
        if (is_watched) offset = lseek(fd, 0, SEEK_CUR);
        done = REAL(write)(fd, data, size);
    } else {
        done = REAL(pwrite64)(fd, data, size, offset);
    }
    if (is_watched) {
        int error = errno;
        if (done > 0) record('w', path, (uint64_t)offset, data, (size_t)done);
        pthread_mutex_unlock(&lock);
        errno = error;
    }
    return done;
}

ssize_t write(int fd, const void *data, size_t size) { return journalled_write(fd, data, size, -1); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return journalled_write(fd, data, size, offset); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) { return journalled_write(fd, data, size, offset); }

/* Truncation and syncs touch no real disk here: the journal alone decides what survives. */
static int journalled(char kind, int fd, uint64_t offset, int result) {
    char path[4096];
    if (result == 0 && watched(fd, path, sizeof path)) {
        pthread_mutex_lock(&lock);
        record(kind, path, offset, "", 0);
        pthread_mutex_unlock(&lock);
    }
    return result;
}

int ftruncate(int fd, off_t length) { return journalled('t', fd, (uint64_t)length, REAL(ftruncate)(fd, length)); }
int ftruncate64(int fd, off64_t length) { return journalled('t', fd, (uint64_t)length, REAL(ftruncate64)(fd, length)); }
int fsync(int fd) { return journalled('s', fd, 0, 0); }
int fdatasync(int fd) { return journalled('s', fd, 0, 0); }
int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags) {
    (void)fd, (void)offset, (void)size, (void)flags;
    return 0;
}

int rename(const char *from, const char *to) {
    int result = REAL(rename)(from, to);
    if (result == 0 && below_root(from)) {
        pthread_mutex_lock(&lock);
        record('r', from, 0, to, strlen(to));
        pthread_mutex_unlock(&lock);
    }
    return result;
}

int unlink(const char *path) {
    int result = REAL(unlink)(path);
    if (result == 0 && below_root(path)) {
        pthread_mutex_lock(&lock);
        record('u', path, 0, "", 0);
        pthread_mutex_unlock(&lock);
    }
    return result;
}
