/* load is the client and the server of the measurements: plain system calls, no
 * runtime, nothing that a proxy under comparison shares.
 *
 *   load serve                                 prints its address, then answers until it is killed
 *   load churn  HOST:PORT CLIENTS COUNT ENDING [MS]
 *                                              connections one after the other, for MS at most
 *   load ping   HOST:PORT CONNECTIONS MS       one byte there and back, for so long
 *   load bulk   HOST:PORT STREAMS DIRECTION BYTES
 *
 * ENDING is fin or rst: how the client ends each connection. DIRECTION is up or
 * down. CONNECTIONS above one are used in turn, by chance, one at a time. Each
 * prints one line: operations, seconds, p50 and p99 of one of them in us.
 *
 * The first byte of a connection says what it is for: e(cho), u(p) or d(own)
 * with the number of bytes behind it, t(ime) in ns for each byte received.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (256 << 10)
#define MOST (1 << 17) /* descriptors */

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int64_t now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* The server: one thread, which waits for all. */

static struct peer {
  char mode;      /* 0: not said yet */
  uint64_t left;  /* bytes of a bulk */
} peers[MOST];

static char buffer[BUFFER];
static int epoll, port;

static void watch(int op, int fd, uint32_t events) {
  struct epoll_event e = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll, op, fd, &e) < 0) die("epoll_ctl");
}

/* Each returns 0 when the connection is to be closed. */

static int begin(int fd, struct peer *p) {
  unsigned char head[9];
  ssize_t n = recv(fd, head, sizeof head, MSG_PEEK);
  if (n < 0) return errno == EAGAIN;
  if (n == 0) return 0;
  if (head[0] == 'e' || head[0] == 't') {
    p->mode = head[0];
    return read(fd, head, 1) == 1;
  }
  if (n < 9) return 1;
  if (read(fd, head, 9) != 9) return 0;
  uint64_t size;
  memcpy(&size, head + 1, 8);
  p->left = be64toh(size);
  p->mode = head[0];
  if (p->mode == 'd') watch(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT);
  return 1;
}

static int echo(int fd) {
  ssize_t n = read(fd, buffer, sizeof buffer);
  if (n < 0) return errno == EAGAIN;
  return n > 0 && write(fd, buffer, n) == n;
}

static int tell_time(int fd) {
  ssize_t n = read(fd, buffer, 1);
  if (n < 0) return errno == EAGAIN;
  uint64_t at = htobe64(now(CLOCK_REALTIME));
  return n > 0 && write(fd, &at, 8) == 8;
}

static int take(int fd, struct peer *p) {
  ssize_t n = read(fd, buffer, sizeof buffer);
  if (n < 0) return errno == EAGAIN;
  if (n == 0) return 0;
  p->left -= (uint64_t)n < p->left ? (uint64_t)n : p->left;
  return p->left > 0 || write(fd, "u", 1) == 1;
}

static int give(int fd, struct peer *p) {
  if (p->left == 0) return read(fd, buffer, sizeof buffer) > 0;
  ssize_t n = write(fd, buffer, p->left < sizeof buffer ? p->left : sizeof buffer);
  if (n < 0) return errno == EAGAIN;
  p->left -= n;
  if (p->left == 0) watch(EPOLL_CTL_MOD, fd, EPOLLIN);
  return 1;
}

static void serve_one(int fd) {
  struct peer *p = &peers[fd];
  int stays = p->mode != 0 || begin(fd, p);
  switch (stays ? p->mode : 0) {
    case 'e': stays = echo(fd); break;
    case 't': stays = tell_time(fd); break;
    case 'u': stays = take(fd, p); break;
    case 'd': stays = give(fd, p); break;
  }
  if (!stays) close(fd);
}

static void serve(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof at;
  port = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(port, (void *)&at, len) < 0 || listen(port, 4096) < 0) die("listen");
  getsockname(port, (void *)&at, &len);
  printf("127.0.0.1:%d\n", ntohs(at.sin_port));
  fflush(stdout);
  epoll = epoll_create1(0);
  watch(EPOLL_CTL_ADD, port, EPOLLIN);
  struct epoll_event events[64];
  for (;;) {
    int n = epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd, one = 1;
      if (fd != port) {
        serve_one(fd);
        continue;
      }
      fd = accept4(port, NULL, NULL, SOCK_NONBLOCK);
      if (fd < 0) continue;
      if (fd >= MOST) {
        close(fd);
        continue;
      }
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      peers[fd] = (struct peer){0};
      watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
  }
}

/* The clients. */

static struct sockaddr_in target;
static long clients, count, milliseconds;
static int abortive;
static int64_t *took; /* ns, one for each operation */
static int64_t deadline = INT64_MAX;
static long *done; /* operations, one for each client */

static int open_connection(void) {
  struct timeval patience = {.tv_sec = 60};
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, (void *)&target, sizeof target) < 0) die("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static void send_all(int fd, const void *data, size_t size) {
  if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) die("send");
}

static void receive_byte(int fd) {
  char c;
  ssize_t n = read(fd, &c, 1);
  if (n != 1) die(n < 0 ? "read" : "read: end of stream");
}

static void *churn_client(void *arg) {
  long id = (long)arg, own = count / clients, i = 0;
  struct linger hard = {.l_onoff = 1};
  for (int64_t began; i < own && (began = now(CLOCK_MONOTONIC)) < deadline; i++) {
    int fd = open_connection();
    send_all(fd, "ex", 2);
    receive_byte(fd);
    if (abortive) setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    took[id * own + i] = now(CLOCK_MONOTONIC) - began;
  }
  done[id] = i;
  return NULL;
}

/* Puts the times of all clients next to each other. */
static long churned(void) {
  long n = 0;
  for (long id = 0; id < clients; id++) {
    memmove(took + n, took + id * (count / clients), done[id] * sizeof *took);
    n += done[id];
  }
  return n;
}

static long ping(void) {
  int *fds = calloc(clients, sizeof *fds);
  unsigned seed = 1;
  for (long i = 0; i < clients; i++) {
    fds[i] = open_connection();
    send_all(fds[i], "ex", 2);
    receive_byte(fds[i]);
  }
  long n = 0;
  int64_t last = now(CLOCK_MONOTONIC), end = last + milliseconds * 1000000LL;
  while (last < end && n < count) {
    int fd = fds[clients == 1 ? 0 : rand_r(&seed) % clients];
    last = now(CLOCK_MONOTONIC);
    send_all(fd, "x", 1);
    receive_byte(fd);
    took[n++] = now(CLOCK_MONOTONIC) - last;
  }
  return n;
}

static void *bulk_client(void *arg) {
  int fd = open_connection();
  char head[9], *data = calloc(1, BUFFER);
  uint64_t size = htobe64(count);
  int64_t began = now(CLOCK_MONOTONIC);
  head[0] = abortive ? 'd' : 'u';
  memcpy(head + 1, &size, 8);
  send_all(fd, head, 9);
  for (long done = 0; done < count;) {
    size_t most = count - done < BUFFER ? count - done : BUFFER;
    ssize_t n = abortive ? read(fd, data, most) : send(fd, data, most, MSG_NOSIGNAL);
    if (n <= 0) die("bulk");
    done += n;
  }
  if (!abortive) receive_byte(fd);
  took[(long)arg] = now(CLOCK_MONOTONIC) - began;
  close(fd);
  return NULL;
}

static void together(void *(*act)(void *)) {
  pthread_t *threads = calloc(clients, sizeof *threads);
  for (long i = 0; i < clients; i++)
    if (pthread_create(&threads[i], NULL, act, (void *)i)) die("thread");
  for (long i = 0; i < clients; i++) pthread_join(threads[i], NULL);
}

static int by_time(const void *a, const void *b) {
  int64_t x = *(int64_t *)a, y = *(int64_t *)b;
  return (x > y) - (x < y);
}

static void report(long n, int64_t ns) {
  qsort(took, n, sizeof *took, by_time);
  printf("%ld %.9f %.3f %.3f\n", n, ns / 1e9, took[n / 2] / 1e3, took[n * 99 / 100] / 1e3);
}

int main(int argc, char **argv) {
  struct rlimit most = {MOST, MOST};
  if (setrlimit(RLIMIT_NOFILE, &most) < 0 && getrlimit(RLIMIT_NOFILE, &most) == 0) {
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
  }
  signal(SIGPIPE, SIG_IGN);
  if (argc == 2 && !strcmp(argv[1], "serve")) serve();
  char *colon = argc > 4 ? strrchr(argv[2], ':') : NULL;
  if (!colon) return fprintf(stderr, "usage: see load.c\n"), 2;
  *colon = 0;
  target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(colon + 1))};
  inet_pton(AF_INET, argv[2], &target.sin_addr);
  clients = atol(argv[3]);
  int64_t began = now(CLOCK_MONOTONIC);
  if (!strcmp(argv[1], "churn") && (argc == 6 || argc == 7)) {
    count = atol(argv[4]) / clients * clients;
    abortive = !strcmp(argv[5], "rst");
    if (argc == 7) deadline = began + atol(argv[6]) * 1000000LL;
    took = calloc(count, sizeof *took);
    done = calloc(clients, sizeof *done);
    together(churn_client);
    int64_t ended = now(CLOCK_MONOTONIC);
    report(churned(), ended - began);
  } else if (!strcmp(argv[1], "ping") && argc == 5) {
    milliseconds = atol(argv[4]);
    count = milliseconds * 1000;
    took = calloc(count, sizeof *took);
    long n = ping();
    report(n, now(CLOCK_MONOTONIC) - began);
  } else if (!strcmp(argv[1], "bulk") && argc == 6) {
    count = atol(argv[5]);
    abortive = !strcmp(argv[4], "down");
    took = calloc(clients, sizeof *took);
    together(bulk_client);
    report(clients, now(CLOCK_MONOTONIC) - began);
  } else {
    return fprintf(stderr, "usage: see load.c\n"), 2;
  }
  return 0;
}
